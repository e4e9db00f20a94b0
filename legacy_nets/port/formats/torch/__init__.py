"""Target ``torch``: a state_dict, and the module that opens it."""
