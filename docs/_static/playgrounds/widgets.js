// The widgets of the playgrounds. Each <div class="playground" data-name="..."> becomes one.
"use strict";

(() => {
  const chinese = document.documentElement.lang.startsWith("zh");
  const words = {
    "size of the map": "特征图大小", kernel: "卷积核", stride: "步长", dilation: "空洞率",
    "zeros on each side": "每边补零", padding: "填充", "output size": "输出大小",
    "zeros before, after": "前、后补零", "the kernel does not fit": "卷积核放不下",
    "layers: kernel, stride; one a line": "各层：卷积核，步长；一行一层", "receptive field": "感受野",
    layer: "层", "input channels": "输入通道", "outputs (channels, units)": "输出（通道、单元）",
    bias: "偏置", parameters: "参数量", "values of the batch": "一个批次的值",
    momentum: "动量", steps: "步数", "batch mean, variance": "批次均值、方差",
    "moving mean, variance": "滑动均值、方差", "output in training": "训练时的输出",
    "output in evaluation": "评估时的输出", "moving mean over the steps": "滑动均值随步数变化",
    logits: "logits", "true class": "正确类别", "softmax once": "softmax 一次",
    "softmax twice": "softmax 两次", "gradient, once": "梯度（一次）", "gradient, twice": "梯度（两次）",
    "number (keep_prob or rate)": "数值（keep_prob 或 rate）", "as keep_prob": "当作 keep_prob",
    "as rate": "当作 rate", inputs: "输入", "draw again": "重新抽样", "sum of all": "总和",
    row: "行", column: "列", picture: "图像", "products and their sum": "乘积与和",
    convolution: "卷积", depthwise: "深度卷积", dense: "全连接", zeros: "两侧补零",
  };
  const say = (text) => (chinese && words[text]) || text;
  const round = (value) => (Number.isInteger(value) ? String(value) : value.toPrecision(5));
  const list = (numbers) => numbers.map(round).join(", ");
  const parse = (text) => text.split(/[\s,;]+/).filter(Boolean).map(Number).filter(Number.isFinite);

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  /** A labelled field; its kind follows from its start value. */
  function addField(form, id, [label, start, more]) {
    let input;
    if (Array.isArray(start)) {
      input = make("select", {}, ...start.map((text) => make("option", { value: text }, say(text))));
    } else if (typeof start === "boolean") {
      input = make("input", { type: "checkbox" });
      input.checked = start;
    } else if (typeof start === "number") {
      input = make("input", { type: "number", value: start, ...more });
    } else {
      input = make("textarea", { rows: start.split("\n").length + 1 }, start);
    }
    input.id = id;
    form.append(make("label", { for: id }, say(label)), input);
    return input;
  }

  function read(input) {
    if (input.type === "checkbox") return input.checked;
    if (input.type !== "number") return input.value;
    const [low, high] = [Number(input.min || -Infinity), Number(input.max || Infinity)];
    return Math.min(high, Math.max(low, Number(input.value)));
  }

  /** A curve over the steps: value 0 to 1 from the start to the target. */
  function drawCurve(path, target) {
    const [width, height] = [320, 120];
    const top = Math.max(target, ...path) || 1;
    const low = Math.min(0, target, ...path);
    const place = (value, step) => [
      (width * step) / Math.max(path.length - 1, 1),
      height - (height * (value - low)) / (top - low),
    ];
    const points = path.map((value, step) => place(value, step).map((x) => x.toFixed(1)).join(","));
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `-4 -4 ${width + 8} ${height + 8}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${say("moving mean over the steps")}: ${list([path[0], path[path.length - 1]])}`);
    const y = place(target, 0)[1].toFixed(1);
    svg.innerHTML =
      `<line x1="0" x2="${width}" y1="${y}" y2="${y}" class="target"/>` +
      `<polyline points="${points.join(" ")}" class="curve"/>`;
    return svg;
  }

  const whole = { min: 1, max: 100000, step: 1 };
  const picture = [
    [0, 0, 9, 9, 0, 0], [0, 0, 9, 9, 0, 0], [0, 9, 9, 9, 9, 0],
    [0, 9, 9, 9, 9, 0], [0, 0, 9, 9, 0, 0], [0, 0, 9, 9, 0, 0],
  ];

  const widgets = {
    "output-size": {
      fields: {
        size: ["size of the map", 224, whole], kernel: ["kernel", 7, whole], stride: ["stride", 2, whole],
        dilation: ["dilation", 1, whole], padding: ["padding", ["SAME", "VALID", "zeros"]],
        zeros: ["zeros on each side", 3, { min: 0, max: 1000, step: 1 }],
      },
      compute({ size, kernel, stride, dilation, padding, zeros }) {
        const output = values.outputSize(size, kernel, stride, padding === "zeros" ? zeros : padding, dilation);
        const around = padding === "SAME" ? values.samePadding(size, kernel, stride, dilation)
          : padding === "VALID" ? [0, 0] : [zeros, zeros];
        return [
          ["output size", output === null ? say("the kernel does not fit") : round(output)],
          ["zeros before, after", list(around)],
        ];
      },
    },
    "receptive-field": {
      fields: { layers: ["layers: kernel, stride; one a line", "7, 2\n3, 2\n1, 1\n3, 1\n1, 1"] },
      compute({ layers }) {
        const rows = layers.split("\n").map(parse).filter((row) => row.length);
        const complete = rows.map(([kernel, stride = 1, dilation = 1]) => [kernel, stride, dilation]);
        return complete.map((_, index) => [
          `${say("receptive field")} ${index + 1}`, round(values.receptiveField(complete.slice(0, index + 1))),
        ]);
      },
    },
    parameters: {
      fields: {
        layer: ["layer", ["convolution", "depthwise", "dense", "lstm"]], kernel: ["kernel", 7, whole],
        inputs: ["input channels", 3, whole], outputs: ["outputs (channels, units)", 64, whole],
        bias: ["bias", true],
      },
      compute: ({ layer, kernel, inputs, outputs, bias }) => [
        ["parameters", values.parameters[layer](kernel, inputs, outputs, bias).toLocaleString("en")],
      ],
    },
    "batch-norm": {
      fields: {
        batch: ["values of the batch", "4, 5, 6, 9"],
        momentum: ["momentum", 0.99, { min: 0, max: 0.9999, step: 0.01 }],
        steps: ["steps", 100, { min: 0, max: 5000, step: 10 }],
      },
      compute({ batch, momentum, steps }) {
        const numbers = parse(batch);
        if (!numbers.length) return [];
        const [mean, variance] = values.moments(numbers);
        const means = values.movingAverage(0, mean, momentum, steps);
        const variances = values.movingAverage(1, variance, momentum, steps);
        const moving = [means[steps], variances[steps]];
        return [
          ["batch mean, variance", list([mean, variance])],
          ["moving mean, variance", list(moving)],
          ["output in training", list(values.normalize(numbers, mean, variance))],
          ["output in evaluation", list(values.normalize(numbers, ...moving))],
          ["moving mean over the steps", drawCurve(means, mean)],
        ];
      },
    },
    softmax: {
      fields: { logits: ["logits", "4, 1, -2"], label: ["true class", 2, { min: 0, max: 100, step: 1 }] },
      compute({ logits, label }) {
        const numbers = parse(logits);
        if (!numbers.length) return [];
        const once = values.softmax(numbers);
        const known = Math.min(label, numbers.length - 1);
        return [
          ["softmax once", list(once)], ["softmax twice", list(values.softmax(once))],
          ["gradient, once", list(values.gradientOnce(numbers, known))],
          ["gradient, twice", list(values.gradientTwice(numbers, known))],
        ];
      },
    },
    dropout: {
      fields: {
        inputs: ["inputs", "1, 1, 1, 1, 1, 1, 1, 1, 1, 1"],
        number: ["number (keep_prob or rate)", 0.8, { min: 0.05, max: 0.95, step: 0.05 }],
      },
      button: "draw again",
      compute({ inputs, number }, state) {
        const numbers = parse(inputs);
        state.draws ??= [];
        while (state.draws.length < numbers.length) state.draws.push(Math.random());
        const kept = values.dropoutKeepProb(numbers, state.draws, number);
        const dropped = values.dropoutRate(numbers, state.draws, number);
        const sum = (all) => round(all.reduce((a, b) => a + b, 0));
        return [
          ["as keep_prob", list(kept)], ["sum of all", sum(kept)],
          ["as rate", list(dropped)], ["sum of all", sum(dropped)],
        ];
      },
    },
    convolution: {
      fields: {
        kernel: ["kernel", "1, 0, -1\n2, 0, -2\n1, 0, -1"],
        row: ["row", 0, { min: 0, max: 3, step: 1 }], column: ["column", 0, { min: 0, max: 3, step: 1 }],
      },
      compute({ kernel, row, column }) {
        const weights = kernel.split("\n").map(parse).filter((line) => line.length).slice(0, 3);
        if (weights.length < 3 || weights.some((line) => line.length !== 3)) return [];
        const { products, sum } = values.convolveAt(picture, weights, row, column);
        const cells = picture.map((line, i) => make("tr", {}, ...line.map((value, j) => {
          const inside = i >= row && i < row + 3 && j >= column && j < column + 3;
          return make("td", inside ? { class: "inside" } : {}, String(value));
        })));
        const terms = products.flat().map((value, index) =>
          `${weights.flat()[index]}·${picture[row + Math.floor(index / 3)][column + (index % 3)]}`);
        return [
          ["picture", make("table", { class: "pixels" }, make("tbody", {}, ...cells))],
          ["products and their sum", `${terms.join(" + ")} = ${round(sum)}`],
        ];
      },
    },
  };

  function build(place, index) {
    const { fields, compute, button } = widgets[place.dataset.name];
    const form = make("form");
    const results = make("dl", { "aria-live": "polite" });
    const state = {};
    const inputs = Object.entries(fields).map(([name, field]) => [
      name, addField(form, `playground-${index}-${name}`, field),
    ]);
    const show = () => {
      const given = Object.fromEntries(inputs.map(([name, input]) => [name, read(input)]));
      results.replaceChildren(...compute(given, state).flatMap(([label, value]) => [
        make("dt", {}, label in words || !chinese ? say(label) : label), make("dd", {}, value),
      ]));
    };
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    if (button) {
      const again = make("button", { type: "button" }, say(button));
      again.addEventListener("click", () => { state.draws = undefined; show(); });
      form.append(again);
    }
    place.replaceChildren(form, results);
    show();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".playground").forEach(build));
})();
