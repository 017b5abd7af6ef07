import type { Modality } from '@ferry/features';

/** Which of the two versions of MISSRec a setting follows. */
export type Preset = 'paper' | 'released';

/** What a model is trained for; some defaults depend on it. */
export type Task = 'pretrain' | 'finetune';

/** How interests are found; see {@link MissRecOptions.interestMethod}. */
export type InterestMethod = 'dpc-knn' | 'k-means' | 'released-k-means' | 'none';

/** Every setting of a MISSRec model. Letters: B batch, L positions, D width, F feature width, N items, M modalities, K interests, Q interests of a row. */
export interface MissRecOptions {
  /** F of every modality in use. The order text, image is fixed. */
  featureWidths: Readonly<Partial<Record<Modality, number>>>;
  /** D. Default 300. */
  width: number;
  /** H, attention heads; must divide D. Default 4. */
  heads: number;
  /** Inner width of the feed-forward blocks. Default 256. */
  inner: number;
  /** Longest history; rows of the position table. Default 50. */
  positions: number;
  /** Dropout after the token normalisation, of attention weights and of every block (spec 2.3). Default 0.5. */
  dropout: number;
  /** τ of all softmax losses. Default 0.07. */
  temperature: number;
  /** λ, weight of the sequence-sequence loss in pre-training (spec 4). Default 1e-3. */
  sequenceWeight: number;
  /** γ, weight of the interest regulariser (spec 4). Default 1e-4. */
  regulariserWeight: number;
  /** Whether items have an embedding of their own beside their modalities: added to tokens and, as a third of the score, to candidates (transductive; spec 2.6). */
  ids: boolean;
  /** `add`: one token per item, the sum of its modalities. `contextual`: one token per item and modality (spec 2.2). Default `add`. */
  sequenceFusion: 'add' | 'contextual';
  /** Learnable α of the adaptive fusion: one for all items, one per item, or none (α = 0: the mean) (spec 2.4). Default `shared`. */
  itemFusion: 'static' | 'shared' | 'per-item';
  /**
   * What a missing modality does. `mask` (paper): it leaves the token's sum, the softmax over modalities and the
   * clustering. `bias` (released, spec 2.5): it counts as the adapter's bias everywhere, being the image of a zero row.
   */
  missing: 'mask' | 'bias';
  /** Whether the padding row is a candidate in the fine-tuning softmax (released, spec 4 and 12.4). It never is in evaluation. */
  paddingInSoftmax: boolean;
  /**
   * Interest regulariser R = (1/D) Σ_b ‖pooled_b‖². `valid` (paper): pooled is the mean over the row's interests. `all-slots`
   * (released, spec 4): the sum over all slots of the batch's fullest row, empty ones too, times the share of slots in use.
   */
  regulariser: 'valid' | 'all-slots';
  /**
   * Which image tokens and image interests the augmented view has after item drop: those of the items that are left (`aligned`, paper) or those of
   * the original sequence in its original order (`original`, released, spec 4).
   */
  augmentedImages: 'aligned' | 'original';
  /**
   * Which items survive item drop. `own` (paper): those whose own mark is keep, the first always. `next` (released, spec 4): items are scattered
   * to cumsum(keep) - 1 and the last writer wins, so those survive whose next position is marked keep, the last always.
   */
  dropRule: 'own' | 'next';
  /** Whether other rows with the same target are left out of a row's in-batch negatives (paper); the released code keeps them (spec 4). */
  sameItemMask: boolean;
  /**
   * With one modality and IDs: `fused` scores (s_id + 2 s) / 3 as with two; `summed` (released, spec 2.4) scores the cosine with the
   * normalised sum of the adapted feature and the ID embedding.
   */
  singleModality: 'fused' | 'summed';
  /**
   * `dpc-knn` (paper); `k-means`; `released-k-means`, what the released trainer runs, which maps all tokens to one zero
   * interest (spec 3.5, 3.6); `none` leaves interests and the attention to them out.
   */
  interestMethod: InterestMethod;
  /** K as a share of the T tokens, M N or fewer where modalities are missing (spec 3.1). Default 0.02; released fine-tuning 0.5. */
  interestRatio: number;
  /** K itself, instead of `interestRatio`. */
  interestCount?: number | undefined;
  /** k of DPC-KNN as a share of the tokens (spec 3.1). Default 0.1. */
  neighbourRatio: number;
  /** Share of items dropped, or of words' items replaced, in the augmented view (spec 4). Default 0.2. */
  dropRatio: number;
  /**
   * Share of batches augmented by item drop; the rest by word drop (spec 4). Default 0.9 where word-dropped text features are given, else 1: without them
   * there is no word drop.
   */
  itemDropShare?: number | undefined;
  /**
   * Share of a source in pre-training batches: proportional to (its rows) to this power. 1: as large as it is (released);
   * 0: all sources alike. Default 0.5 in the paper preset.
   */
  domainBalance: number;
}

/** The choices in which the presets differ, each explained at {@link MissRecOptions}. */
export function presetChoices(preset: Preset, task: Task) {
  const paper = {
    missing: 'mask',
    paddingInSoftmax: false,
    regulariser: 'valid',
    augmentedImages: 'aligned',
    dropRule: 'own',
    sameItemMask: true,
    singleModality: 'fused',
    interestMethod: 'dpc-knn',
    interestRatio: 0.02,
    domainBalance: 0.5,
  } as const;
  const released = {
    missing: 'bias',
    paddingInSoftmax: true,
    regulariser: 'all-slots',
    augmentedImages: 'original',
    dropRule: 'next',
    sameItemMask: false,
    singleModality: 'summed',
    interestMethod: 'released-k-means',
    interestRatio: task === 'pretrain' ? 0.02 : 0.5,
    domainBalance: 1,
  } as const;
  return preset === 'paper' ? paper : released;
}

/** What {@link missRecOptions} must be told; everything else has a default. */
export type MissRecSettings = Pick<MissRecOptions, 'featureWidths'> &
  Partial<Omit<MissRecOptions, 'featureWidths'>> & {
    /** Default `paper`. */
    preset?: Preset | undefined;
    /** Default `finetune`. */
    task?: Task | undefined;
  };

/**
 * Complete options from a preset and whatever differs from it. Pre-training has no IDs; fine-tuning has them unless told.
 *
 * @throws RangeError if a number is out of range or the combination means nothing.
 */
export function missRecOptions(settings: MissRecSettings): MissRecOptions {
  const { preset = 'paper', task = 'finetune', ...given } = settings;
  const options: MissRecOptions = {
    width: 300,
    heads: 4,
    inner: 256,
    positions: 50,
    dropout: 0.5,
    temperature: 0.07,
    sequenceWeight: 1e-3,
    regulariserWeight: 1e-4,
    ids: task === 'finetune',
    sequenceFusion: 'add',
    itemFusion: 'shared',
    neighbourRatio: 0.1,
    dropRatio: 0.2,
    ...presetChoices(preset, task),
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given),
  };
  check(options, task);
  return options;
}

function check(options: MissRecOptions, task: Task): void {
  const rule = (holds: boolean, text: string, got: string | number) => {
    if (!holds) throw new RangeError(`missRecOptions: ${text}, got ${got}`);
  };
  for (const name of ['width', 'heads', 'inner', 'positions'] as const)
    rule(
      Number.isInteger(options[name]) && options[name] > 0,
      `${name} must be a positive integer`,
      options[name],
    );
  rule(options.width % options.heads === 0, `heads must divide width ${options.width}`, options.heads);
  rule(options.dropout >= 0 && options.dropout < 1, 'dropout must be in [0, 1)', options.dropout);
  rule(options.temperature > 0, 'temperature must be positive', options.temperature);
  for (const name of ['sequenceWeight', 'regulariserWeight'] as const)
    rule(options[name] >= 0, `${name} must not be negative`, options[name]);
  for (const name of ['dropRatio', 'itemDropShare', 'domainBalance'] as const) {
    const value = options[name] ?? 1;
    rule(value >= 0 && value <= 1, `${name} must be in [0, 1]`, value);
  }
  for (const name of ['interestRatio', 'neighbourRatio'] as const)
    rule(options[name] > 0 && options[name] <= 1, `${name} must be in (0, 1]`, options[name]);
  const { interestCount } = options;
  if (interestCount !== undefined)
    rule(
      Number.isInteger(interestCount) && interestCount > 0,
      'interestCount must be a positive integer',
      interestCount,
    );
  const widths = Object.entries(options.featureWidths);
  rule(widths.length > 0, 'featureWidths must name text, image or both', 'none');
  for (const [name, width] of widths)
    rule(Number.isInteger(width) && width > 0, `featureWidths.${name} must be a positive integer`, width);
  rule(
    !(options.ids && task === 'pretrain'),
    'ids must be false in pre-training: sources share no items',
    'true',
  );
}
