// The calculations of the playgrounds: plain functions of plain numbers.
// tests/book/test_playgrounds.py compares them with Python functions of legacy_nets, numbers and TensorFlow.
"use strict";

const values = {
  /** Pixels that a dilated kernel spans along one axis. */
  reach(kernel, dilation = 1) {
    return dilation * (kernel - 1) + 1;
  },

  /** Zeros that SAME adds [before, after]; the odd one is after. */
  samePadding(size, kernel, stride = 1, dilation = 1) {
    const outputs = Math.ceil(size / stride);
    const total = Math.max((outputs - 1) * stride + values.reach(kernel, dilation) - size, 0);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  },

  /** Pixels that a convolution outputs along one axis; null where the kernel does not fit. */
  outputSize(size, kernel, stride, padding, dilation = 1) {
    if (padding === "SAME") return Math.ceil(size / stride);
    const zeros = padding === "VALID" ? 0 : padding;
    const rest = size + 2 * zeros - values.reach(kernel, dilation);
    return rest < 0 ? null : Math.floor(rest / stride) + 1;
  },

  /** Pixels of the input that one output depends on; layers are [kernel, stride, dilation]. */
  receptiveField(layers) {
    return layers.reduceRight(
      (field, [kernel, stride, dilation = 1]) => (field - 1) * stride + values.reach(kernel, dilation),
      1,
    );
  },

  /** Weights and biases of a layer. */
  parameters: {
    convolution: (kernel, inputs, outputs, bias) => kernel * kernel * inputs * outputs + (bias ? outputs : 0),
    depthwise: (kernel, inputs, _outputs, bias) => (kernel * kernel + (bias ? 1 : 0)) * inputs,
    dense: (_kernel, inputs, outputs, bias) => inputs * outputs + (bias ? outputs : 0),
    lstm: (_kernel, inputs, outputs) => 4 * outputs * (inputs + outputs + 1),
  },

  /** Mean and variance as batch norm computes them: divided by N. */
  moments(batch) {
    const mean = batch.reduce((sum, value) => sum + value, 0) / batch.length;
    return [mean, batch.reduce((sum, value) => sum + (value - mean) ** 2, 0) / batch.length];
  },

  /** Normalizes by a mean and a variance. */
  normalize(batch, mean, variance, gamma = 1, beta = 0, epsilon = 0.001) {
    return batch.map((value) => (gamma * (value - mean)) / Math.sqrt(variance + epsilon) + beta);
  },

  /** Moving average after each of some steps in which the batch has the same statistic. */
  movingAverage(start, target, momentum, steps) {
    const path = [start];
    for (let step = 0; step < steps; step++) {
      path.push(momentum * path[step] + (1 - momentum) * target);
    }
    return path;
  },

  /** Softmax of some logits. */
  softmax(logits) {
    const largest = Math.max(...logits);
    const powers = logits.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((value) => value / sum);
  },

  /** Gradient of the cross entropy by the logits: softmax once, as it should be. */
  gradientOnce(logits, label) {
    return values.softmax(logits).map((p, index) => p - (index === label ? 1 : 0));
  },

  /** The same where the net's probabilities are given as logits: softmax twice. */
  gradientTwice(logits, label) {
    const p = values.softmax(logits);
    const outer = values.gradientOnce(p, label);
    const mean = p.reduce((sum, value, index) => sum + value * outer[index], 0);
    return p.map((value, index) => value * (outer[index] - mean));
  },

  /** TensorFlow 1's dropout: keep_prob is the share that is kept. draws lie in [0, 1). */
  dropoutKeepProb(inputs, draws, keepProb) {
    return inputs.map((value, index) => (draws[index] >= 1 - keepProb ? value / keepProb : 0));
  },

  /** Keras' and tf.layers' dropout: rate is the share that is set to zero. */
  dropoutRate(inputs, draws, rate) {
    return inputs.map((value, index) => (draws[index] >= rate ? value / (1 - rate) : 0));
  },

  /** One value of a VALID convolution: its products and their sum. */
  convolveAt(picture, kernel, row, column) {
    const products = kernel.map((line, i) => line.map((weight, j) => weight * picture[row + i][column + j]));
    return { products, sum: products.flat().reduce((a, b) => a + b, 0) };
  },
};

if (typeof module !== "undefined") module.exports = values;
