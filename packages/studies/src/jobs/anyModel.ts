import type { UserItemModel } from '@ferry/collaborative';
import type { AnyNewsModel } from '@ferry/nrms';
import { UserError } from '@ferry/recipes';
import type { SequentialModel } from '@ferry/sequential';

/** A model that recipes can name: of sequences, of users and items, or of news. */
export type AnyModel = SequentialModel | UserItemModel | AnyNewsModel;

/** Whether a model knows users and items and no order. */
export function isUserItem(model: AnyModel): model is UserItemModel {
  return 'kind' in model && model.kind !== 'news';
}

/** Whether a model knows news and impressions. */
export function isNews(model: AnyModel): model is AnyNewsModel {
  return 'kind' in model && model.kind === 'news';
}

/**
 * The model as one of sequences.
 *
 * @throws UserError if it is another.
 */
export function sequential(model: AnyModel): SequentialModel {
  if (isNews(model))
    throw new UserError(
      `${model.title} is a news model: it is trained by ferry train on impressions in MIND's form and tested on those`,
    );
  if (isUserItem(model))
    throw new UserError(
      `${model.title} is a user-item model: it is trained and tested by ferry train; what carries to other ` +
        'domains and explains histories needs a model of sequences',
    );
  return model;
}
