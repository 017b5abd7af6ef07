import { z } from 'zod';

/** Whole numbers, which Elliot takes as text too. */
const whole = (least: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z.int().min(least),
  );
const ratio = z.number().gt(0).lt(1);

/** `test_ratio` or `leave_n_out`, one of the two. */
const share = { test_ratio: ratio.optional(), leave_n_out: whole(1).optional() };
const oneShare = (found: { test_ratio?: number; leave_n_out?: number }, context: z.RefinementCtx): void => {
  if ((found.test_ratio === undefined) === (found.leave_n_out === undefined))
    context.addIssue({ code: 'custom', message: 'must have test_ratio or leave_n_out, one of the two' });
};

/** How a part is split off. */
export const splittingSchema = z.discriminatedUnion('strategy', [
  z
    .strictObject({ strategy: z.literal('random_subsampling'), ...share, folds: whole(1).optional() })
    .superRefine(oneShare),
  z.strictObject({ strategy: z.literal('temporal_hold_out'), ...share }).superRefine(oneShare),
  z.strictObject({
    strategy: z.literal('fixed_timestamp'),
    timestamp: z.union([z.literal('best'), whole(0), z.number()]),
    min_below: whole(1).optional(),
    min_over: whole(1).optional(),
  }),
  z.strictObject({ strategy: z.literal('random_cross_validation'), folds: whole(2) }),
]);

/** What is left out before splitting. */
export const filterSchema = z.discriminatedUnion('strategy', [
  z.strictObject({
    strategy: z.literal('global_threshold'),
    threshold: z.union([z.literal('average'), z.number()]),
  }),
  z.strictObject({ strategy: z.literal('user_average') }),
  z.strictObject({ strategy: z.literal('user_k_core'), core: whole(1) }),
  z.strictObject({ strategy: z.literal('item_k_core'), core: whole(1) }),
  z.strictObject({ strategy: z.literal('iterative_k_core'), core: whole(1) }),
  z.strictObject({ strategy: z.literal('n_rounds_k_core'), core: whole(1), rounds: whole(1) }),
  z.strictObject({ strategy: z.literal('cold_users'), threshold: whole(1) }),
]);
