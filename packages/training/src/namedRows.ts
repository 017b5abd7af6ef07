import { matchGlob, type SafetensorsTensor } from '@ferry/nn';
import type { TrainableModel } from './model.ts';
import { assign, misfits } from './tensors.ts';

/** What the rows of a table of weights stand for: first some that every data set has, then ids, kind after kind. */
export interface TableRows {
  /** Rows in front of the ids, such as that of padding. */
  readonly fixed: number;
  /** Kinds of ids whose rows follow, all of one kind before the next: `['users', 'items']`. */
  readonly kinds: readonly string[];
}

/** What the rows of a model's tables stand for, by globs of the weights' names. */
export type RowRoles = Readonly<Record<string, TableRows>>;

/** Ids by their kind (`items`, `users`, `words` …), in the order of their rows. */
export type RowNames = Readonly<Record<string, readonly string[]>>;

/** The tables of a model on its data. */
export interface NamedTables {
  /** What their rows stand for. */
  readonly roles: RowRoles;
  /** The ids of the data. */
  readonly names: RowNames;
}

/** Weights of a run, and whose they are. */
export interface NamedWeights {
  /** Where they come from, for messages. */
  readonly path: string;
  /** Weights, and what was found between epochs, by name. */
  readonly model: ReadonlyMap<string, SafetensorsTensor>;
  /** The optimiser's state: tells what of `model` was trained. */
  readonly optimizer: ReadonlyMap<string, SafetensorsTensor>;
  /** Ids of the rows of its tables. */
  readonly names: RowNames;
}

/** How many ids of a kind were carried over. */
export interface CarriedRows {
  /** Such as `items`. */
  readonly kind: string;
  /** Ids that the source has too. */
  readonly known: number;
  /** Ids that it has not, whose rows stay as they began. */
  readonly new: number;
}

function roleOf(roles: RowRoles, weight: string): TableRows | undefined {
  return Object.entries(roles).find(([glob]) => matchGlob(glob, weight))?.[1];
}

/** The kinds of ids that some weights have rows for, in the order of the weights. */
export function namedKinds(roles: RowRoles, weights: Iterable<string>): string[] {
  return [...new Set([...weights].flatMap((weight) => roleOf(roles, weight)?.kinds ?? []))];
}

/** For each id its place among others, -1 where it is not there. */
function placesAmong(ids: readonly string[], others: readonly string[]): Int32Array {
  const places = new Map(others.map((id, at) => [id, at]));
  return Int32Array.from(ids, (id) => places.get(id) ?? -1);
}

/**
 * Gives a model the weights of a run of the same model on other data: what stands for an id is carried to the row of
 * that id, rows of ids that the run does not know stay as they are, and every other weight must be there and fit.
 * What was found between epochs stays behind, and so does the optimiser.
 *
 * @returns How many ids of each kind were carried.
 * @throws Error naming the first weight that is missing, unknown or of another shape, with both shapes; nothing is
 *   changed then.
 */
export async function carryWeights<B>(
  model: Pick<TrainableModel<B>, 'parameters'>,
  { roles, names }: NamedTables,
  source: NamedWeights,
): Promise<CarriedRows[]> {
  const parameters = model.parameters();
  const kinds = namedKinds(roles, parameters.keys());
  const places = new Map(
    kinds.map((kind) => [kind, placesAmong(names[kind] ?? [], source.names[kind] ?? [])] as const),
  );
  const own = new Map<string, SafetensorsTensor>();
  for (const [name, variable] of parameters) {
    const tensor = source.model.get(name);
    const role = roleOf(roles, name);
    if (!tensor) continue;
    const [rows = 0, ...rest] = tensor.shape;
    // One whose rows are wider is left to be told with the others that do not fit.
    if (!role || rest.join() !== variable.shape.slice(1).join()) {
      own.set(name, tensor);
      continue;
    }
    const counted = role.kinds.reduce((sum, kind) => sum + (source.names[kind]?.length ?? 0), role.fixed);
    if (counted !== rows)
      throw new Error(
        `${source.path} does not fit its ids: '${name}' has ${rows} rows, and there are ${counted} ids for them`,
      );
    const width = rest.reduce((a, b) => a * b, 1);
    const from = tensor.data as Float32Array;
    const data = Float32Array.from(await variable.data());
    data.set(from.subarray(0, role.fixed * width));
    let [to, behind] = [role.fixed, role.fixed];
    for (const kind of role.kinds) {
      for (const place of places.get(kind)!) {
        if (place >= 0)
          data.set(from.subarray((behind + place) * width, (behind + place + 1) * width), to * width);
        to++;
      }
      behind += source.names[kind]!.length;
    }
    own.set(name, { dtype: 'F32', shape: [...variable.shape], data });
  }
  const unknown = [...source.model.keys()].filter(
    (name) => !parameters.has(name) && source.optimizer.has(`m.${name}`),
  );
  const problems = [
    ...misfits(parameters, own),
    ...unknown.map((name) => `'${name}' is unknown to the model`),
  ];
  if (problems.length > 0)
    throw new Error(
      `${source.path} does not fit the model: ${problems[0]!}` +
        (problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''),
    );
  assign(parameters, own);
  return [...places].map(([kind, found]) => {
    const known = found.filter((place) => place >= 0).length;
    return { kind, known, new: found.length - known };
  });
}
