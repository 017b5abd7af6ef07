import type { UserItemModel } from '@ferry/collaborative';
import { UserError } from '@ferry/recipes';
import type { SequentialModel } from '@ferry/sequential';

/** A model that recipes can name: of sequences, or of users and items. */
export type AnyModel = SequentialModel | UserItemModel;

/** Whether a model knows users and items and no order. */
export function isUserItem(model: AnyModel): model is UserItemModel {
  return 'kind' in model;
}

/**
 * The model as one of sequences.
 *
 * @throws UserError if it is a user-item model.
 */
export function sequential(model: AnyModel): SequentialModel {
  if (isUserItem(model))
    throw new UserError(
      `${model.title} is a user-item model: it is trained and tested by ferry train; what carries to other ` +
        'domains and explains histories needs a model of sequences',
    );
  return model;
}
