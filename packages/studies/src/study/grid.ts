import { join } from 'node:path';
import { RandomStream } from '@ferry/engine';
import { domainName, gridSchema, withOverrides, type GridRecipe, type Path } from '@ferry/recipes';
import type { Axis, AxisValue, Place } from './axes.ts';
import type { Placed, PlannedComparison, PlannedRun, StudyDefinition, StudyPlan } from './plan.ts';
import { list } from './report.ts';

/** A value of an axis and the settings it stands for. */
interface Value {
  readonly value: AxisValue['value'];
  /** Settings it replaces in a run's recipe. */
  readonly settings: object;
  /** Where the study's recipe says what it sets at a path; undefined if it sets nothing there. */
  written(path: Path): Path | undefined;
}

/** A key of a run's recipe with its value, as nested settings. */
function nested([first, ...rest]: readonly string[], value: unknown): object {
  return { [first!]: rest.length > 0 ? nested(rest, value) : value };
}

/** Whether settings say anything at a path. */
function says(settings: unknown, path: Path): boolean {
  let inner = settings;
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null) return true;
    if (!(key in inner)) return false;
    inner = (inner as Record<string | number, unknown>)[key];
  }
  return true;
}

/** The values of an axis. */
function valuesOf(name: string, values: GridRecipe['axes'][string]): Value[] {
  if (!Array.isArray(values))
    return Object.entries(values).map(([value, settings]) => ({
      value,
      settings,
      written: (path) =>
        path.length > 1 && says(settings, path) ? ['axes', name, value, ...path] : undefined,
    }));
  const key = name === 'model' || name === 'objective' ? [name, 'name'] : name.split('.');
  return values.map((value, i) => ({
    value,
    settings: nested(key, value),
    written: (path) => (key.every((part, k) => path[k] === part) ? ['axes', name, i] : undefined),
  }));
}

/** Where the study's recipe says what a run's has at a path: the last axis that sets it has the last word. */
function writtenBy(chosen: readonly Value[], path: Path): Path {
  return chosen.reduce<Path>((found, value) => value.written(path) ?? found, path);
}

/** Every combination of values, those of the last axis changing fastest. */
function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>(
    (all, values) => all.flatMap((before) => values.map((value) => [...before, value])),
    [[]],
  );
}

/** Whether a place is among those left out. */
function isLeftOut(place: Place, except: GridRecipe['except']): boolean {
  return except.some((rule) =>
    Object.entries(rule).every(([name, values]) =>
      Array.isArray(values) ? values.includes(place[name]!) : values === place[name],
    ),
  );
}

/** Some of the combinations in their order, drawn by a seed. */
function drawn<T>(all: readonly T[], count = all.length, seed: number): readonly T[] {
  if (count >= all.length) return all;
  const order = RandomStream.fromSeed(seed)
    .split('draw')
    .shuffle(all.map((_, i) => i));
  const chosen = new Set(order.slice(0, count));
  return all.filter((_, i) => chosen.has(i));
}

/** How many settings were tried, and of each model where models are an axis, in words. */
function settingsText(
  names: readonly string[],
  places: readonly { readonly place: Place }[],
  all: number,
): string {
  if (names.length < 2 && places.length === all) return '';
  const models = new Map<string, number>();
  if (names.includes('model'))
    for (const { place } of places) {
      const name = String(place['model']);
      models.set(name, (models.get(name) ?? 0) + 1);
    }
  const each = [...models].map(([name, count]) => `${name} ${count}`).join(', ');
  const number = places.length === all ? `${all}` : `${places.length} of ${all}, drawn at random`;
  return `; settings: ${number}${each === '' ? '' : ` (${each})`}`;
}

/** A value as part of a directory's name. */
const folder = (value: AxisValue['value']): string => String(value).replace(/[^\w.+-]+/g, '-');

/** What is compared unless the recipe says: each axis against its first value. */
function comparisonsOf({ axes, compare }: GridRecipe): PlannedComparison[] {
  const titled = (along: string, against: AxisValue['value']): string =>
    `What ${along} changed against ${String(against)}`;
  if (compare)
    return compare.map(({ along, against, title }) => ({
      ...{ along, against, title: title ?? titled(along, against) },
    }));
  return Object.entries(axes).flatMap(([along, values]) => {
    const all = Array.isArray(values) ? values : Object.keys(values);
    return all.length > 1 ? [{ title: titled(along, all[0]!), along, against: all[0]! }] : [];
  });
}

/**
 * The plan of a study of axes: a training for every combination of values, target and seed, each with a complete recipe
 * in a directory of its own, so that it can be resumed, evaluated and repeated alone. What a kind of study adds
 * (headings, comparisons, sections) it puts into the plan.
 */
export function planGrid(recipe: GridRecipe & Placed, name: string): StudyPlan {
  const { out, backend, threads, features, model, objective, training, evaluation } = recipe;
  const targets = recipe.targets.map(domainName);
  const names = Object.keys(recipe.axes);
  const values = names.map((axis) => valuesOf(axis, recipe.axes[axis]!));
  const axes: Axis[] = [
    {
      key: 'target',
      title: 'target',
      setting: true,
      values: targets.map((value) => ({ value, title: value })),
    },
    ...names.map((key, a): Axis => ({
      key,
      title: key,
      values: values[a]!.map(({ value }) => ({ value, title: String(value) })),
      written: (value) => {
        const i = values[a]!.findIndex((own) => own.value === value);
        return ['axes', key, Array.isArray(recipe.axes[key]) ? i : String(value)];
      },
    })),
  ];
  const base = { features, model, objective, training };
  const shared = { ...{ description: '', needs: 'nothing', takes: '', backend }, threads };
  const all = combinations(values)
    .map((chosen) => ({
      chosen,
      place: Object.fromEntries(chosen.map(({ value }, a) => [names[a]!, value])),
    }))
    .filter(({ place }) => !isLeftOut(place, recipe.except));
  const places = drawn(all, recipe.draw, recipe.seeds[0]!);
  const runs = recipe.seeds.flatMap((seed) =>
    targets.flatMap((target, t) =>
      places.map(({ chosen, place }): PlannedRun => {
        const own = ['runs', target, ...chosen.map(({ value }) => folder(value)), `seed-${seed}`].join('/');
        const settings = chosen.reduce((all, value) => withOverrides(all, value.settings), base);
        return {
          name: own,
          place: { target, ...place },
          seed,
          written: (path) => writtenBy(chosen, path),
          recipe: {
            job: 'train',
            ...shared,
            ...{ target: recipe.targets[t]!, seed, evaluation },
            ...(settings as typeof base & { model: { name: string } }),
            out: join(out, ...own.split('/')),
          },
        };
      }),
    ),
  );
  return {
    title: `Study: ${name}`,
    summary: `${names.join(' x ')} on ${list(targets)}${settingsText(names, places, all.length)}`,
    axes,
    sources: [],
    targets: recipe.targets.map((reference, t) => ({ reference, place: { target: targets[t]! } })),
    preparations: [],
    runs,
    ...(recipe.medianRule && { medianRule: recipe.medianRule }),
    comparisons: comparisonsOf(recipe),
  };
}

/** A study of axes, and nothing besides. */
export const gridStudy: StudyDefinition<GridRecipe> = { schema: gridSchema, plan: planGrid };
