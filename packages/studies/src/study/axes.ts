import type { Path } from '@ferry/recipes';
import { colourCount } from '@ferry/report';

/** A value on an axis of a study. */
export interface AxisValue {
  /** As recipes and results have it. */
  readonly value: string | number | boolean;
  /** How it reads in names of lines and charts. */
  readonly title: string;
  /** How it reads in a table's column. Default the title. */
  readonly cell?: string;
}

/** One thing that a study varies. */
export interface Axis {
  /** Its key in results. */
  readonly key: string;
  /** Heading of its column. */
  readonly title: string;
  /** Its values, in the order of tables. */
  readonly values: readonly AxisValue[];
  /**
   * Whether it changes the problem that is solved, such as the target domain: what stands on its values is shown side
   * by side.
   */
  readonly setting?: boolean;
  /** Where the study's recipe says one of its values. Default: it is not told. */
  readonly written?: (value: AxisValue['value']) => Path;
}

/** A value on each axis. */
export type Place = Readonly<Record<string, AxisValue['value']>>;

/** Whether two places are the same on some axes. */
export function samePlace(a: Place, b: Place, axes: readonly Axis[]): boolean {
  return axes.every(({ key }) => a[key] === b[key]);
}

/** The axes that change the problem. */
export function settingsOf(axes: readonly Axis[]): Axis[] {
  return axes.filter(({ setting }) => setting === true);
}

/** The axes along which solutions of one problem differ. */
export function choicesOf(axes: readonly Axis[]): Axis[] {
  return axes.filter(({ setting }) => setting !== true);
}

/**
 * The axes as charts have them: a chart with more lines than there are colours cannot be read, so the choices of fewest
 * values become settings, side by side or in charts of their own, until each has few enough.
 *
 * @param most - Lines that a chart may have.
 */
export function chartAxes(
  axes: readonly Axis[],
  things: readonly { readonly place: Place }[],
  most = colourCount,
): readonly Axis[] {
  const varied = choicesOf(axes).filter(({ values }) => values.length > 1);
  if (varied.length < 2 || placesOn(choicesOf(axes), things).length <= most) return axes;
  const least = varied.reduce((a, b) => (b.values.length < a.values.length ? b : a));
  return chartAxes(
    axes.map((axis) => (axis === least ? { ...axis, setting: true } : axis)),
    things,
    most,
  );
}

function valueOf({ key, values }: Axis, place: Place): AxisValue {
  const found = values.find(({ value }) => value === place[key]);
  if (!found) throw new Error(`axes: '${key}' has no value ${JSON.stringify(place[key] ?? null)}`);
  return found;
}

/** What a place reads in the column of an axis. */
export function cellOf(axis: Axis, place: Place): string {
  const { title, cell = title } = valueOf(axis, place);
  return cell;
}

const joined = (axes: readonly Axis[], place: Place): string =>
  axes.map((axis) => valueOf(axis, place).title).join(', ');

/** The problem a place belongs to, such as `posters, IDs`. */
export function settingName(axes: readonly Axis[], place: Place): string {
  return joined(settingsOf(axes), place);
}

/** The solution a place stands for, by the axes that the study varies, such as `k16, pre-trained`. */
export function lineName(axes: readonly Axis[], place: Place): string {
  const choices = choicesOf(axes);
  const varied = choices.filter(({ values }) => values.length > 1);
  return joined(varied.length > 0 ? varied : choices.slice(-1), place);
}

/** Distinct places of some things on some axes, in the order of the axes' values. */
export function placesOn(axes: readonly Axis[], things: readonly { readonly place: Place }[]): Place[] {
  const rank = (place: Place): number[] =>
    axes.map(({ key, values }) => values.findIndex(({ value }) => value === place[key]));
  const distinct: Place[] = [];
  for (const { place } of things) {
    const own = Object.fromEntries(axes.map(({ key }) => [key, place[key]!]));
    if (!distinct.some((other) => samePlace(other, own, axes))) distinct.push(own);
  }
  return distinct.sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    const at = x.findIndex((value, i) => value !== y[i]);
    return at < 0 ? 0 : x[at]! - y[at]!;
  });
}
