import {
  ADAM_CONTROL_SIZE,
  adamControl,
  adamUpdate,
  lazyAdamUpdate,
  type RowGradients,
  tf,
} from '@ferry/engine';
import { matchesAny } from './glob.ts';
import type { Schedule } from './schedule.ts';

/** Numbers that may differ between the groups of an optimiser. */
export interface GroupOptions {
  /** Step size before the schedule's factor. */
  learningRate?: number;
  /** Weight decay. */
  weightDecay?: number;
  /** Factor of its learning rate at each step. Default that of all. */
  schedule?: Schedule;
}

/** Parameters that are trained with numbers of their own. */
export interface ParameterGroup extends GroupOptions {
  /** Globs (see `matchGlob`) of the parameters' names. */
  match: readonly string[];
}

/** Options of {@link createOptimizer}. */
export interface OptimizerOptions extends GroupOptions {
  /**
   * 'adam': torch.optim.Adam, weight decay added to the gradient (L2). 'adamw': torch.optim.AdamW, decay apart from the
   * gradient. 'sgd': torch.optim.SGD, with momentum if given, decay added to the gradient.
   */
  kind: 'adam' | 'adamw' | 'sgd';
  /** Step size before the schedule's factor. Default 1e-3. */
  learningRate?: number;
  /** Decay of the first moment. Default 0.9. */
  beta1?: number;
  /** Decay of the second moment. Default 0.999. */
  beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  epsilon?: number;
  /** Momentum of SGD. Default 0, which needs no slots. */
  momentum?: number;
  /** Weight decay, of matrices unless `decay` or `noDecay` says otherwise. Default 0. */
  weightDecay?: number;
  /**
   * Globs of parameters that decay although they are vectors or scalars: biases, gains of normalisations, factors and
   * temperatures (rank 0 and 1) do not by default. `['**']` decays all, as PyTorch does.
   */
  decay?: readonly string[];
  /** Globs of parameters that do not decay although they are matrices; counts more than `decay`. */
  noDecay?: readonly string[];
  /** Groups with numbers of their own; a parameter belongs to the first that matches, else to the rest. */
  groups?: readonly ParameterGroup[];
  /**
   * Globs of tables whose gradients come as rows (the engine's `rowGrads`), for losses that read few rows of them: lazy
   * Adam, as torch.optim.SparseAdam computes it. Only the rows that were read move; dense Adam, the default, also lets
   * the moments of all others decay and moves them by what is left. Not with weight decay, `clipNorm` or `sgd`. Default
   * none.
   */
  lazy?: readonly string[];
  /** Upper bound of the gradients' global norm; larger gradients are scaled down. Default none. */
  clipNorm?: number;
  /** Factor of all learning rates at each step. Default 1. */
  schedule?: Schedule;
}

/** What {@link Optimizer.apply} tells. */
export type ApplyResult = {
  /** The gradients' global norm before clipping; only with `clipNorm`. */
  gradientNorm?: tf.Scalar;
};

/** Updates parameters from gradients; made by {@link createOptimizer}. */
export interface Optimizer {
  /**
   * Moves all parameters, inside the (compiled) step.
   *
   * @param gradients - As `tf.variableGrads` returns them, keyed by the variables' own names.
   * @param rows - Gradients of the `lazy` tables, as the engine's `rowGrads` returns them.
   * @throws Error if a parameter has no gradient: freeze what the loss does not depend on.
   */
  apply(gradients: tf.NamedTensorMap, rows?: RowGradients['rows']): ApplyResult;
  /**
   * Sets learning rates and bias corrections for the update with this number, outside the step and before it. They
   * depend on the number alone, so a resumed run continues exactly.
   *
   * @param step - Updates made before this one: 0 for the first.
   */
  advance(step: number): void;
  /**
   * What must be saved to continue exactly, by name: moments `m.<parameter>`, `v.<parameter>`, and `step`, the updates
   * counted.
   */
  state(): Map<string, tf.Variable>;
  /** Learning rate of each group after the last {@link Optimizer.advance}, by name: '0', '1', ... and 'rest'. */
  learningRates(): Record<string, number>;
  /** Frees all slots. */
  dispose(): void;
}

/**
 * Parameters that share all numbers, and the variable that carries these into the step: {@link adamControl}, or the
 * rate.
 */
interface Group {
  name: string;
  learningRate: number;
  weightDecay: number;
  schedule: Schedule;
  control: tf.Variable;
  members: Member[];
}

interface Member {
  name: string;
  value: tf.Variable;
  /** Its gradient comes as rows. */
  isLazy: boolean;
  /** First moment, or momentum. */
  m?: tf.Variable;
  /** Second moment. */
  v?: tf.Variable;
}

/**
 * An optimiser for named parameters. Its slots are made here, never inside a step. Each group has one control variable
 * (the engine's `adamControl`; for SGD the learning rate) that {@link Optimizer.advance} writes, so nothing that
 * changes from step to step is baked into a compiled step.
 *
 * @param options - Rule and numbers.
 * @param variables - What to train, as `trainableParameters` returns it.
 * @throws Error if a number is out of range or a pattern matches no parameter.
 */
export function createOptimizer(
  options: OptimizerOptions,
  variables: ReadonlyMap<string, tf.Variable>,
): Optimizer {
  const settings = checked(options, variables);
  const groups = makeGroups(settings, variables);
  const members = groups.flatMap((group) => group.members);
  const count = tf.tidy(() => tf.variable(tf.scalar(0, 'int32'), false));
  const rates = new Map<Group, number>();

  return {
    apply: (gradients, rows = {}) =>
      tf.tidy(() => {
        const lazy = members.filter(({ isLazy }) => isLazy).map((member) => gradientOf(member, rows));
        const found = members.filter(({ isLazy }) => !isLazy).map((member) => gradientOf(member, gradients));
        const norm = settings.clipNorm === undefined ? undefined : globalNorm(found);
        const scale = norm && clipFactor(norm, settings.clipNorm!);
        for (const group of groups)
          for (const member of group.members)
            if (member.isLazy) {
              const { value, m, v } = member;
              lazyAdamUpdate({ value, m: m!, v: v!, gradient: lazy.shift()!, control: group.control });
            } else update(settings, group, member, found.shift()!, scale);
        return norm ? { gradientNorm: norm } : {};
      }),
    advance: (step) => {
      if (!Number.isSafeInteger(step) || step < 0)
        throw new Error(`advance: step must be a non-negative integer, got ${step}`);
      for (const group of groups) {
        const rate = group.learningRate * group.schedule(step);
        rates.set(group, rate);
        assign(group.control, controlOf(settings, group, rate, step + 1));
      }
      tf.tidy(() => {
        count.assign(tf.scalar(step + 1, 'int32'));
      });
    },
    state: () => {
      const slots = new Map<string, tf.Variable>([['step', count]]);
      for (const { name, m, v } of members) {
        if (m) slots.set(`m.${name}`, m);
        if (v) slots.set(`v.${name}`, v);
      }
      return slots;
    },
    learningRates: () =>
      Object.fromEntries(groups.map((group) => [group.name, rates.get(group) ?? group.learningRate])),
    dispose: () => {
      count.dispose();
      for (const { control } of groups) control.dispose();
      for (const { m, v } of members) {
        m?.dispose();
        v?.dispose();
      }
    },
  };
}

type Settings = {
  [K in keyof Omit<OptimizerOptions, 'clipNorm'>]-?: Exclude<OptimizerOptions[K], undefined>;
} & { clipNorm: number | undefined };

function checked(options: OptimizerOptions, variables: ReadonlyMap<string, tf.Variable>): Settings {
  const settings: Settings = {
    kind: options.kind,
    learningRate: options.learningRate ?? 1e-3,
    beta1: options.beta1 ?? 0.9,
    beta2: options.beta2 ?? 0.999,
    epsilon: options.epsilon ?? 1e-8,
    momentum: options.momentum ?? 0,
    weightDecay: options.weightDecay ?? 0,
    decay: options.decay ?? [],
    noDecay: options.noDecay ?? [],
    lazy: options.lazy ?? [],
    groups: options.groups ?? [],
    clipNorm: options.clipNorm,
    schedule: options.schedule ?? (() => 1),
  };
  if (variables.size === 0) throw new Error('createOptimizer: there must be a variable to train, got none');
  const rule = (holds: boolean, text: string, got: number) => {
    if (!holds) throw new Error(`createOptimizer: ${text}, got ${got}`);
  };
  for (const { learningRate = settings.learningRate, weightDecay = settings.weightDecay } of [
    settings,
    ...settings.groups,
  ]) {
    rule(learningRate >= 0 && Number.isFinite(learningRate), 'learningRate must be >= 0', learningRate);
    rule(weightDecay >= 0 && Number.isFinite(weightDecay), 'weightDecay must be >= 0', weightDecay);
  }
  for (const name of ['beta1', 'beta2', 'momentum'] as const)
    rule(settings[name] >= 0 && settings[name] < 1, `${name} must be in [0, 1)`, settings[name]);
  rule(settings.epsilon > 0, 'epsilon must be > 0', settings.epsilon);
  if (settings.clipNorm !== undefined) rule(settings.clipNorm > 0, 'clipNorm must be > 0', settings.clipNorm);
  if (settings.lazy.length > 0 && (settings.kind === 'sgd' || settings.clipNorm !== undefined))
    throw new Error(
      `createOptimizer: lazy goes with adam and adamw without clipNorm, got ${settings.kind}` +
        (settings.clipNorm === undefined ? '' : ` and clipNorm ${settings.clipNorm}`),
    );
  for (const pattern of [...settings.groups.flatMap(({ match }) => match), ...settings.lazy])
    if (![...variables.keys()].some((name) => matchesAny(name, [pattern])))
      throw new Error(
        `createOptimizer: every pattern of groups and lazy must match a parameter, got "${pattern}" among ` +
          [...variables.keys()].join(', '),
      );
  return settings;
}

/** Sorts parameters into groups; those of a group that do not decay get a control variable of their own. */
function makeGroups(settings: Settings, variables: ReadonlyMap<string, tf.Variable>): Group[] {
  const groups = new Map<string, Group>();
  for (const [name, value] of variables) {
    const index = settings.groups.findIndex(({ match }) => matchesAny(name, match));
    const own: GroupOptions = settings.groups[index] ?? {};
    const decays =
      !matchesAny(name, settings.noDecay) && (value.rank > 1 || matchesAny(name, settings.decay));
    const weightDecay = decays ? (own.weightDecay ?? settings.weightDecay) : 0;
    const groupName = index < 0 ? 'rest' : String(index);
    const key = `${groupName} ${weightDecay}`;
    let group = groups.get(key);
    if (!group) {
      const learningRate = own.learningRate ?? settings.learningRate;
      group = {
        name: groupName,
        learningRate,
        weightDecay,
        schedule: own.schedule ?? settings.schedule,
        control: zeros([settings.kind === 'sgd' ? 1 : ADAM_CONTROL_SIZE]),
        members: [],
      };
      groups.set(key, group);
    }
    group.members.push(checkedLazy(makeMember(settings, name, value), group));
  }
  return [...groups.values()];
}

function checkedLazy(member: Member, { weightDecay }: Group): Member {
  if (member.isLazy && (weightDecay > 0 || member.value.rank !== 2))
    throw new Error(
      `createOptimizer: a lazy parameter must be a table [V, D] without weight decay, got ${member.name} ` +
        `[${member.value.shape.join(', ')}] with ${weightDecay}`,
    );
  return member;
}

function makeMember({ kind, momentum, lazy }: Settings, name: string, value: tf.Variable): Member {
  const isLazy = matchesAny(name, lazy);
  if (kind !== 'sgd') return { name, value, isLazy, m: zeros(value.shape), v: zeros(value.shape) };
  return momentum > 0 ? { name, value, isLazy, m: zeros(value.shape) } : { name, value, isLazy };
}

function zeros(shape: number[]): tf.Variable {
  return tf.tidy(() => tf.variable(tf.zeros(shape), false));
}

function assign(variable: tf.Variable, values: Float32Array): void {
  tf.tidy(() => {
    variable.assign(tf.tensor(values, variable.shape));
  });
}

function controlOf(settings: Settings, group: Group, rate: number, t: number): Float32Array {
  const { kind, beta1, beta2, epsilon } = settings;
  if (kind === 'sgd') return Float32Array.of(rate);
  const weightDecay = kind === 'adamw' ? group.weightDecay : 0;
  return adamControl({ learningRate: rate, beta1, beta2, epsilon, weightDecay, step: t });
}

function gradientOf<T>({ name, value, isLazy }: Member, gradients: Readonly<Record<string, T>>): T {
  const gradient = gradients[value.name];
  if (!gradient)
    throw new Error(
      `apply: every parameter needs a gradient, got none${isLazy ? ' of rows' : ''} for ${name}; freeze what ` +
        'the loss does not depend on',
    );
  return gradient;
}

/** `√Σ g²` over all gradients. */
function globalNorm(gradients: tf.Tensor[]): tf.Scalar {
  return tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum<tf.Scalar>(tf.square(gradient)))));
}

/** `min(1, limit / (norm + 1e-6))`, as torch.nn.utils.clip_grad_norm_. */
function clipFactor(norm: tf.Scalar, limit: number): tf.Scalar {
  return tf.minimum<tf.Scalar>(1, tf.div(limit, tf.add(norm, 1e-6)));
}

function update(
  { kind, momentum }: Settings,
  { control, weightDecay }: Group,
  { value, m, v }: Member,
  gradient: tf.Tensor,
  scale: tf.Scalar | undefined,
): void {
  if (kind === 'adamw' || (kind === 'adam' && weightDecay === 0)) {
    adamUpdate({ value, m: m!, v: v!, gradient, control, scale });
    return;
  }
  const scaled = scale ? tf.mul(gradient, scale) : gradient;
  const decayed = weightDecay === 0 ? scaled : tf.add(scaled, tf.mul(value, weightDecay));
  if (kind === 'adam') {
    adamUpdate({ value, m: m!, v: v!, gradient: decayed, control });
    return;
  }
  const direction = m ? tf.add(tf.mul(m, momentum), decayed) : decayed;
  m?.assign(direction);
  value.assign(tf.sub(value, tf.mul(direction, tf.reshape(control, []))));
}
