"""Document 004's Vision Transformer as a Keras model, to compare with.

``tf`` is TensorFlow 1.15.5 (Python 3.7) or ``legacy_nets.tf1``. The names of layers and attributes
are the document's: they are the names in the files. Fixed: initializers and GELU, which 1.15.5
lacks, and the batch size, which may be unknown.
"""

from __future__ import annotations

import numpy as np


def vision_transformer(
    tf,
    img_size=224,
    patch_size=16,
    embed_dim=768,
    depth=12,
    num_heads=12,
    drop_path_ratio=0.0,
    representation_size=None,
    num_classes=1000,
    name="ViT-B_16",
):
    """A subclassed model that has not been called."""
    layers = tf.keras.layers

    def norm(name):
        return layers.LayerNormalization(epsilon=1e-6, name=name)

    class PatchEmbed(layers.Layer):
        def __init__(self):
            super().__init__()
            self.proj = layers.Conv2D(
                embed_dim, patch_size, patch_size, "same", kernel_initializer="lecun_normal"
            )

        def call(self, x):
            return tf.reshape(self.proj(x), [-1, (img_size // patch_size) ** 2, embed_dim])

    class ConcatClassTokenAddPosEmbed(layers.Layer):
        def build(self, shape):
            self.cls_token = self.add_weight("cls", [1, 1, embed_dim], initializer="zeros")
            self.pos_embed = self.add_weight(
                "pos_embed", [1, shape[1] + 1, embed_dim], initializer="random_normal"
            )

        def call(self, x):
            token = self.cls_token + tf.zeros([tf.shape(x)[0], 1, embed_dim])
            return tf.concat([token, x], 1) + self.pos_embed

    class Attention(layers.Layer):
        def __init__(self):
            super().__init__(name="MultiHeadAttention")
            self.qkv = layers.Dense(3 * embed_dim, name="qkv")
            self.proj = layers.Dense(embed_dim, name="out")

        def call(self, x):
            length = embed_dim // num_heads
            tokens = x.shape.as_list()[1]
            parts = tf.reshape(self.qkv(x), [-1, tokens, 3, num_heads, length])
            q, k, v = (tf.transpose(parts[:, :, i], [0, 2, 1, 3]) for i in range(3))
            share = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * length**-0.5)
            merged = tf.reshape(
                tf.transpose(tf.matmul(share, v), [0, 2, 1, 3]), [-1, tokens, embed_dim]
            )
            return self.proj(merged)

    class MLP(layers.Layer):
        def __init__(self):
            super().__init__(name="MlpBlock")
            self.fc1 = layers.Dense(4 * embed_dim, name="Dense_0")
            self.fc2 = layers.Dense(embed_dim, name="Dense_1")

        def call(self, x):
            x = self.fc1(x)
            return self.fc2(0.5 * x * (1 + tf.erf(x * 0.5**0.5)))

    class Block(layers.Layer):
        def __init__(self, rate, name):
            super().__init__(name=name)
            self.norm1, self.attn = norm("LayerNorm_0"), Attention()
            self.norm2, self.mlp = norm("LayerNorm_1"), MLP()
            self.drop_path = layers.Dropout(rate, noise_shape=(None, 1, 1))

        def call(self, x, training=None):
            x = x + self.drop_path(self.attn(self.norm1(x)), training=training)
            return x + self.drop_path(self.mlp(self.norm2(x)), training=training)

    class VisionTransformer(tf.keras.Model):
        def __init__(self):
            super().__init__(name=name)
            self.patch_embed = PatchEmbed()
            self.cls_token_pos_embed = ConcatClassTokenAddPosEmbed(name="cls_pos")
            rates = np.linspace(0, drop_path_ratio, depth)
            self.blocks = [Block(rate, f"encoderblock_{i}") for i, rate in enumerate(rates)]
            self.norm = norm("encoder_norm")
            self.pre_logits = (
                layers.Dense(representation_size, activation="tanh", name="pre_logits")
                if representation_size
                else layers.Activation("linear")
            )
            self.head = layers.Dense(num_classes, name="head", kernel_initializer="zeros")

        def call(self, x, training=None):
            x = self.cls_token_pos_embed(self.patch_embed(x))
            for block in self.blocks:
                x = block(x, training=training)
            return self.head(self.pre_logits(self.norm(x)[:, 0]))

    return VisionTransformer()
