// The char-CNN-RNN and the bag of words, in plain JavaScript: text in, scores of birds out.
//
// The same numbers as dse.text.cnn_rnn.CharCNNRNN and dse.text.averages.BagOfWords (a test compares
// them). The last linear layer W and a bird's features v are multiplied beforehand, <W h, v> =
// <h, W'v>, so a bird is one row of as many numbers as the recurrence has units.

"use strict";

(() => {
  // ---- numbers from base64 ----

  function bytes(base64) {
    const text = atob(base64);
    const array = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
    return array.buffer;
  }

  function half(number) {
    const sign = number & 0x8000 ? -1 : 1;
    const exponent = (number >> 10) & 31;
    const fraction = number & 1023;
    return exponent
      ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
      : sign * 2 ** -14 * (fraction / 1024);
  }

  const HALVES = Float32Array.from({ length: 65536 }, (_, number) => half(number));

  function float16(base64) {
    const numbers = new Uint16Array(bytes(base64));
    const values = new Float32Array(numbers.length);
    for (let i = 0; i < values.length; i++) values[i] = HALVES[numbers[i]];
    return values;
  }

  const float32 = (base64) => new Float32Array(bytes(base64));

  // ---- characters ----

  /** What is read of a text: its code points in small letters. */
  const characters = (text) => Array.from(text.toLowerCase());

  /** Characters as their places in the alphabet, from 1; one outside it reads as a space. */
  function tokenise(text, alphabet, length) {
    const numbers = new Map(Array.from(alphabet, (symbol, place) => [symbol, place + 1]));
    const read = characters(text).slice(0, length);
    return read.map((symbol) => numbers.get(symbol) ?? numbers.get(" "));
  }

  // ---- the char-CNN-RNN ----

  const rectified = (x) => (x > 1e-6 ? x : 0); // the authors' threshold

  class CharCNNRNN {
    constructor(data) {
      this.alphabet = data.alphabet;
      this.length = data.length;
      this.outside = data.outside;
      this.stages = data.convolutions.map((stage) => new Convolution(stage));
      this.fromInput = new Linear(data.fromInput);
      this.fromHidden = new Linear(data.fromHidden);
      this.birds = { weight: float32(data.birds.weight), bias: float32(data.birds.bias) };
      // What a stage gives for nothing at all: every column past the end of a text is this one.
      let constant = new Float32Array(data.alphabet.length);
      for (const stage of this.stages) constant = stage.prepare(constant);
    }

    /** The hidden states of a text, one Float32Array a step. */
    hiddenStates(text) {
      let columns = tokenise(text, this.alphabet, this.length);
      let full = this.length;
      for (const stage of this.stages) [columns, full] = stage.run(columns, full);
      const states = [];
      for (let t = 0; t < full; t++) {
        const state = this.fromInput.run(columns[t] ?? this.stages.at(-1).empty);
        if (t) this.fromHidden.run(states[t - 1]).forEach((value, i) => (state[i] += value));
        states.push(state.map((value) => Math.max(0, value)));
      }
      return states;
    }

    /** The score of every bird with a text that left these states. */
    scores(states) {
      return Array.from(this.birds.bias, (bias, bird) => {
        const row = this.row(bird);
        return states.reduce((sum, state) => sum + dot(state, row) / states.length, bias);
      });
    }

    /** W'v of a bird. */
    row(bird) {
      const units = this.fromInput.bias.length;
      return this.birds.weight.subarray(bird * units, (bird + 1) * units);
    }

    /**
     * Why a bird has its score, and not that of the average bird.
     *
     * Step t adds <W h_t, v> / T to a score, and <b, v> is constant (dse.explain). Here v is the
     * bird's feature less the mean over all birds: score = average + constant + the sum of the
     * terms. Each term is shared out evenly over the characters that its step reads by itself.
     */
    explain(text, states, bird) {
      const birds = this.birds.bias.length;
      const own = (values) => values[bird] - mean(values);
      const numbers = Array.from({ length: birds }, (_, b) => b);
      const length = Math.min(this.length, characters(text).length);
      const spread = new Float64Array(length);
      const steps = states.map((state, t) => {
        const term = own(numbers.map((b) => dot(state, this.row(b)) / states.length));
        const [first, end] = this.window(t).map((place) => Math.min(place, length));
        for (let i = first; i < end; i++) spread[i] += term / (end - first);
        return { first, end, term };
      });
      const average = mean(this.scores(states));
      return { average, constant: own(this.birds.bias), steps, characters: spread };
    }

    /** The characters that step t reads by itself: [first, one past the last], from 0. */
    window(t) {
      let stride = 1;
      let size = 1;
      for (const { kernel, pool, poolStride } of this.stages) {
        size += stride * (kernel + pool - 2);
        stride *= poolStride;
      }
      return [t * stride, t * stride + size];
    }
  }

  /** Convolution, threshold and max-pooling; only the columns before the text's end are computed. */
  class Convolution {
    constructor({ inputs, outputs, kernel, pool, poolStride, weight, bias }) {
      Object.assign(this, { inputs, outputs, kernel, pool, poolStride });
      this.bias = float16(bias);
      this.weight = float16(weight); // outputs x kernel x inputs
    }

    /** Remember the column that stands for nothing before this stage; return the one after it. */
    prepare(before) {
      this.nothing = before;
      this.empty = this.pooled([], 1)[0];
      return this.empty;
    }

    /** Columns (or, at first, characters) before -> [columns after, how many there would be in all]. */
    run(columns, full) {
      const window = this.pool + this.kernel - 1;
      const fullAfter = Math.floor((full - window) / this.poolStride) + 1;
      const own = Math.min(Math.ceil(columns.length / this.poolStride), fullAfter);
      return [own ? this.pooled(columns, own) : [], fullAfter];
    }

    pooled(columns, number) {
      const positions = (number - 1) * this.poolStride + this.pool;
      const x =
        typeof columns[0] === "number"
          ? this.lookedUp(columns, positions)
          : this.convolved(columns, positions);
      const result = [];
      for (let q = 0; q < number; q++) {
        const column = new Float32Array(this.outputs);
        for (let o = 0; o < this.outputs; o++) {
          let most = -Infinity;
          for (let p = 0; p < this.pool; p++)
            most = Math.max(most, x[(q * this.poolStride + p) * this.outputs + o]);
          column[o] = rectified(most + this.bias[o]);
        }
        result.push(column);
      }
      return result;
    }

    /** The convolution of one-hot characters, without its bias: columns of the weight, added up. */
    lookedUp(tokens, positions) {
      const { kernel, inputs, outputs, weight } = this;
      const x = new Float32Array(positions * outputs);
      for (let p = 0; p < positions; p++)
        for (let k = 0; k < kernel && p + k < tokens.length; k++) {
          const input = k * inputs + tokens[p + k] - 1;
          for (let o = 0; o < outputs; o++)
            x[p * outputs + o] += weight[o * kernel * inputs + input];
        }
      return x;
    }

    /** The convolution of columns, without its bias, four positions at a time. */
    convolved(columns, positions) {
      const { kernel, inputs, outputs, weight } = this;
      const padded = Math.ceil(positions / 4) * 4;
      const input = new Float32Array((padded + kernel - 1) * inputs);
      for (let i = 0; i < padded + kernel - 1; i++)
        input.set(columns[i] ?? this.nothing, i * inputs);
      const width = kernel * inputs;
      const x = new Float32Array(padded * outputs);
      for (let p = 0; p < padded; p += 4) {
        const a = p * inputs;
        const b = a + inputs;
        const c = b + inputs;
        const d = c + inputs;
        for (let o = 0; o < outputs; o++) {
          const row = o * width;
          let sumA = 0, sumB = 0, sumC = 0, sumD = 0;
          for (let i = 0; i < width; i++) {
            const w = weight[row + i];
            sumA += w * input[a + i];
            sumB += w * input[b + i];
            sumC += w * input[c + i];
            sumD += w * input[d + i];
          }
          x[p * outputs + o] = sumA;
          x[(p + 1) * outputs + o] = sumB;
          x[(p + 2) * outputs + o] = sumC;
          x[(p + 3) * outputs + o] = sumD;
        }
      }
      return x;
    }
  }

  class Linear {
    constructor({ weight, bias }) {
      this.weight = float16(weight);
      this.bias = float16(bias);
    }

    run(x) {
      return this.bias.map((bias, o) =>
        bias + dot(x, this.weight.subarray(o * x.length, (o + 1) * x.length))
      );
    }
  }

  function dot(one, other) {
    let sum = 0;
    for (let i = 0; i < one.length; i++) sum += one[i] * other[i];
    return sum;
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // ---- the bag of words ----

  /** The words of a text, as dse.text.tokens.words. */
  const words = (text) => text.toLowerCase().match(/[a-z0-9]+(?:'[a-z]+)?/g) ?? [];

  class BagOfWords {
    constructor(data) {
      this.length = data.length;
      this.places = new Map(data.vocabulary.map((word, place) => [word, place]));
      this.scale = data.scale;
      this.weight = new Int16Array(bytes(data.weight)); // a row a word, a column a bird
      this.bias = float32(data.bias);
    }

    /** The score of every bird: a constant, and one term for each different word that is known. */
    scores(text) {
      const present = new Set(words(text).slice(0, this.length).map((word) => this.places.get(word)));
      present.delete(undefined);
      return Array.from(this.bias, (bias, bird) => {
        let sum = 0;
        for (const word of present) sum += this.weight[word * this.bias.length + bird];
        return bias + this.scale * sum;
      });
    }
  }

  Object.assign(FieldGuide, { CharCNNRNN, BagOfWords, words, characters, mean });
})();
