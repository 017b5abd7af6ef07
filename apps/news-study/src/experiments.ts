import type { Place } from '@ferry/studies';

/** The axis of the thesis's experiments; its values begin with the experiment's number. */
export const experimentAxis = 'experiment';

/** The axis of the defects of published code. */
export const defectAxis = 'defect';

/** The value of {@link defectAxis} without any. */
export const noDefect = 'none';

/** Number of an experiment's value, 1 to 4. */
export const experimentOf = (place: Place): string => String(place[experimentAxis]).charAt(0);

/** Whether a run is without a defect. */
export const isCorrected = ({ place }: { readonly place: Place }): boolean =>
  (place[defectAxis] ?? noDefect) === noDefect;
