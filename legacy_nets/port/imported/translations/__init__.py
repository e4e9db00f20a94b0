"""Operations that no CPU can run, as others that compute the same."""
