import { tf } from '../../src/tfjs.js';
import { adamControl, adamUpdate } from '../../src/index.ts';

const SETTINGS = { learningRate: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
/** The control vector of a step of Adam. */
export const control = (step: number) => tf.tensor1d(adamControl({ ...SETTINGS, step }));
/** A variable of a vector, or of a tensor that goes with it. */
export const variable = (values: tf.Tensor | number[]): tf.Variable =>
  tf.tidy(() => tf.variable(Array.isArray(values) ? tf.tensor1d(values) : values));

/** What a scenario works on, and what is called on it step after step. */
export interface Scenario {
  variables: tf.Variable[];
  /** The body of the compiled function; its results are compared. */
  body: (...args: tf.Tensor[]) => tf.Tensor[];
  /** Arguments of a step, the first is 1; those that the scenario made are disposed by it. */
  args?: (step: number) => tf.Tensor[];
  /** What is done outside between two steps. */
  between?: () => void;
  /** Tensors made outside, to be compared and disposed at the end. */
  held?: tf.Tensor[];
}

/** What shares data, and how it is used, by name. */
export const SCENARIOS: Record<string, () => Scenario> = {
  'two variables of one tensor, one assigned': () => {
    const z = tf.tensor1d([1, 2]);
    const [a, b] = [tf.variable(z), tf.variable(z)];
    return {
      variables: [a, b],
      held: [z],
      body: () => {
        a.assign(tf.add(a, b));
        return [tf.sub(a, b), tf.add(z, 0)];
      },
    };
  },
  'two variables of one tensor, both moved by their own gradient': () => {
    const [a, b] = tf.tidy(() => {
      const z = tf.zeros([2]);
      return [tf.variable(z), tf.variable(z)] as const;
    });
    return {
      variables: [a, b],
      body: () => {
        const { grads } = tf.variableGrads(
          () => tf.sum(tf.add(tf.square(tf.sub(a, 1)), tf.square(tf.add(tf.mul(b, 2), 3)))),
          [a, b],
        );
        for (const v of [a, b]) v.assign(tf.sub(v, tf.mul(grads[v.name]!, 0.1)));
        return [];
      },
    };
  },
  'Adam with value and moments of one tensor': () => {
    const z = tf.zeros([3]);
    const [value, m, v] = [tf.variable(z), tf.variable(z), tf.variable(z)];
    return {
      variables: [value, m, v],
      held: [z],
      args: (step) => [tf.tensor1d([1, -2, step]), control(step)],
      body: (gradient, numbers) => {
        adamUpdate({ value, m, v, gradient: gradient, control: numbers });
        return [];
      },
    };
  },
  'a target that was assigned the online weights outside': () => {
    const [online, target] = [variable([1, 2]), variable([0, 0])];
    target.assign(online);
    return {
      variables: [online, target],
      body: () => {
        online.assign(tf.add(online, 1));
        return [tf.sub(online, target)];
      },
    };
  },
  'a target that is assigned the online weights between steps': () => {
    const [online, m, v, target] = [variable([1, 2]), variable([0, 0]), variable([0, 0]), variable([5, 5])];
    return {
      variables: [online, target],
      args: (step) => [control(step)],
      body: (numbers) => {
        const { value, grads } = tf.variableGrads(
          () => tf.sum<tf.Scalar>(tf.square(tf.sub(online, tf.add(target, 1)))),
          [online],
        );
        adamUpdate({ value: online, m, v, gradient: grads[online.name]!, control: numbers });
        return [value];
      },
      between: () => {
        target.assign(online);
      },
    };
  },
  'a target that is assigned the online weights inside, before they move': () => {
    const [online, m, v, target] = [variable([1, 2]), variable([0, 0]), variable([0, 0]), variable([5, 5])];
    return {
      variables: [online, target],
      args: (step) => [tf.tensor1d([1, -1]), control(step)],
      body: (gradient, numbers) => {
        target.assign(online);
        adamUpdate({ value: online, m, v, gradient: gradient, control: numbers });
        return [tf.clone(target)];
      },
    };
  },
  'a target that is assigned the online weights inside, after they moved': () => {
    const [online, m, v, target] = [variable([1, 2]), variable([0, 0]), variable([0, 0]), variable([5, 5])];
    return {
      variables: [online, target],
      args: (step) => [tf.tensor1d([1, -1]), control(step)],
      body: (gradient, numbers) => {
        adamUpdate({ value: online, m, v, gradient: gradient, control: numbers });
        target.assign(online);
        return [tf.clone(target)];
      },
    };
  },
  'an average of weights that began as the weights': () => {
    const [weights, average] = tf.tidy(() => {
      const z: tf.Tensor = tf.tensor1d([2, 4]);
      return [tf.variable(z), tf.variable(z)] as const;
    });
    return {
      variables: [weights, average],
      body: () => {
        const moved = tf.sub(weights, tf.mul(weights, 0.25));
        average.assign(tf.add(tf.mul(average, 0.5), tf.mul(moved, 0.5)));
        weights.assign(moved);
        return [];
      },
    };
  },
  'one value assigned to two variables, of which another step changes one': () => {
    const [a, b] = [variable([1]), variable([2])];
    return {
      variables: [a, b],
      body: () => {
        const sum = tf.add(a, b);
        a.assign(sum);
        b.assign(sum);
        return [sum];
      },
      between: () => {
        tf.tidy(() => {
          b.assign(tf.mul(b, 10));
        });
      },
    };
  },
  'a swap of two variables that share their data': () => {
    const z: tf.Tensor = tf.tensor1d([7]);
    const [a, b] = [tf.variable(z), tf.variable(z)];
    return {
      variables: [a, b],
      held: [z],
      body: () => {
        const old = tf.add(a, 0);
        a.assign(tf.add(b, 1));
        b.assign(old);
        return [tf.clone(a), tf.clone(b)];
      },
    };
  },
  'clones and views made before, that the function captures': () => {
    const a = variable([1, 2, 3, 4]);
    const [clone, view] = [tf.clone(a), tf.reshape(a, [2, 2])];
    return {
      variables: [a],
      held: [clone, view],
      body: () => {
        a.assign(tf.add(tf.mul(a, 2), clone));
        return [tf.add(view, 0), tf.reshape(a, [4, 1])];
      },
    };
  },
  'a large clone that is fed by reference, of what Adam moves': () => {
    const n = 3000;
    const value = variable(Array.from({ length: n }, (_, i) => i / n));
    const [m, v] = tf.tidy(
      () => [tf.variable(tf.zeros<tf.Rank.R1>([n])), tf.variable(tf.zeros<tf.Rank.R1>([n]))] as const,
    );
    const clone = tf.clone(value);
    return {
      variables: [value],
      held: [clone],
      args: (step) => [control(step)],
      body: (numbers) => {
        const difference = tf.sub(value, clone);
        adamUpdate({ value, m, v, gradient: tf.add(difference, 1), control: numbers });
        return [difference, tf.clone(clone)];
      },
    };
  },
  'an argument that is the variable Adam moves': () => {
    const [value, m, v] = [variable([1, 2]), variable([0, 0]), variable([0, 0])];
    return {
      variables: [value, m, v],
      args: (step) => [value, tf.tensor1d([1, -1]), control(step)],
      body: (given, gradient, numbers) => {
        adamUpdate({ value, m, v, gradient: gradient, control: numbers });
        return [tf.mul(given, 2), tf.clone(given)];
      },
    };
  },
  'an argument that is a view of the variable Adam moves': () => {
    const [value, m, v] = [variable([1, 2]), variable([0, 0]), variable([0, 0])];
    return {
      variables: [value, m, v],
      args: (step) => [tf.reshape(value, [2, 1]), tf.tensor1d([1, -1]), control(step)],
      body: (given, gradient, numbers) => {
        adamUpdate({ value, m, v, gradient: gradient, control: numbers });
        return [tf.mul(given, 2), given];
      },
    };
  },
  'arguments that are one variable, which is assigned': () => {
    const a = variable([3, 4]);
    return {
      variables: [a],
      args: () => [a, a],
      body: (first, second) => {
        a.assign(tf.add(a, first));
        return [first, tf.add(second, 0), tf.clone(a)];
      },
    };
  },
  'a variable assigned to itself': () => {
    const a = variable([1, 2]);
    return {
      variables: [a],
      body: () => {
        a.assign(tf.clone(a));
        return [tf.mul(a, 2)];
      },
    };
  },
  'a variable assigned what it was after a detour': () => {
    const [a, b] = [variable([1]), variable([2])];
    return {
      variables: [a, b],
      body: () => {
        const old = tf.clone(a);
        a.assign(b);
        const doubled = tf.mul(a, 2);
        a.assign(old);
        return [doubled];
      },
    };
  },
};
