/**
 * What a news model is. The file of a model exports one value of type {@link NewsModel}; training, ranking and saving
 * are made from it once for all models. Letters: N news, n news of a step (the distinct ones of its batch), B
 * impressions, H clicks of a history, C candidates of an impression, T words of a text, D width of the vectors of news
 * and users.
 */
import type { RandomSource, RandomStream, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import type { Parameters } from '@ferry/nn';
import type { ItemEncoders, ItemTable, RowRoles } from '@ferry/training';
import type { z } from 'zod';
import type { NewsObjective } from './objectives.ts';
import type { TokenTable } from './words/tokens.ts';
import type { WordVectors } from './words/pretrained.ts';
import type { Tokeniser } from './words/tokenise.ts';
import type { UserState } from './userState.ts';
import type { Vocabulary } from './words/vocabulary.ts';

/** The news a model is made for, as it reads them. Number 0 is the empty news. */
export interface NewsCatalogue {
  /** N. */
  readonly count: number;
  /** The words of the titles, for a model that reads words. */
  readonly words?: NewsWords;
  /** Category and subcategory of each news, for a model with such views. */
  readonly labels?: Readonly<Partial<Record<LabelView, NewsLabels>>>;
  /** The entities of each news, for a model with that view. */
  readonly entities?: NewsEntities;
  /** The users of the training, for a model that has a vector for each. */
  readonly users?: KnownUsers;
  /** Pre-computed vectors by modality, [N, F] each; news without one are rows of zeros that `present` marks. */
  readonly features?: Readonly<Partial<Record<Modality, FeatureMatrix>>>;
  /** Encoders that are trained with the model, and what they read. */
  readonly encoded?: EncodedNews;
}

/** Encoders that are trained with a model, for modalities without pre-computed vectors. */
export interface EncodedNews {
  /** By modality; what they give is a vector of each news, or the vectors of its tokens. */
  readonly encoders: ItemEncoders;
  /** What they read of the news, by modality and name, such as `text.ids`: [N + 1, ...] each, row 0 of zeros. */
  readonly content: Readonly<Record<string, ItemTable>>;
  /** 1 where a news has the modality, [N + 1] each. */
  readonly present: Readonly<Partial<Record<Modality, Uint8Array>>>;
}

/** The users of a training, numbered anew. */
export interface KnownUsers {
  /** U: how many there are. */
  readonly count: number;
  /** 1..U for a user that training has, 0 for others; of each user of the data. */
  readonly rows: Int32Array;
}

/** What of a news a model of words can read. */
export type NewsView = 'title' | 'abstract' | LabelView | 'entities';

/** A view that is one label. */
export type LabelView = 'category' | 'subcategory';

/** One label for each news. */
export interface NewsLabels {
  /** How many there are, 0 for none among them. */
  readonly size: number;
  /** Label of each news, 0 where there is none; [N + 1]. */
  readonly values: Int32Array;
}

/** Entities of the news. */
export interface NewsEntities {
  /** How many there are, 0 for none among them. */
  readonly size: number;
  /** Those of title and abstract, numbers from 1, each once; rows 0..N. */
  readonly table: TokenTable;
}

/** Words of the news. */
export interface NewsWords {
  /** All words that have a number. */
  readonly vocabulary: Vocabulary;
  /** Words of each title, texts 0..N. */
  readonly titles: TokenTable;
  /** Words of each abstract, where they are read. */
  readonly abstracts?: TokenTable;
  /** Vectors that the table of words begins with; it begins with random ones where there are none. */
  readonly vectors?: WordVectors;
}

/** How a model reads words. */
export interface WordReading {
  /** What makes words of a text. */
  readonly tokeniser: Tokeniser;
  /** T: words of a title that are read. */
  readonly titleWords: number;
  /** Words of an abstract that are read; absent where none is. */
  readonly abstractWords?: number;
  /** Occurrences of a word that gets a vector of its own. */
  readonly leastCount: number;
  /** Where first vectors come from: `learned`, `wink`, or a file. */
  readonly vectors: string;
}

/** Texts of the news of a step, in groups of similar length. */
export interface TextGroups {
  /** int32 [g, T] each, right-padded with 0; together n rows. */
  readonly groups: readonly tf.Tensor2D[];
  /** int32 [n]: where the text of each news of the step is among the rows of all groups. */
  readonly places: tf.Tensor1D;
}

/** The news of a step. */
export interface NewsInputs {
  /** Their numbers, int32 [n]; the first is 0, the empty news. */
  readonly numbers: tf.Tensor1D;
  /** Their titles, for a model that reads words. */
  readonly titles?: TextGroups;
  /** Their abstracts, where they are read. */
  readonly abstracts?: TextGroups;
  /** Their entities, where they are read. */
  readonly entities?: TextGroups;
  /** Their labels, int32 [n] each, where they are read. */
  readonly labels?: Readonly<Partial<Record<LabelView, tf.Tensor1D>>>;
  /** Their pre-computed vectors, or those that encoders made, where they are read. */
  readonly vectors?: Readonly<Partial<Record<Modality, VectorInputs>>>;
  /** The vectors of their tokens that encoders made, where they are read. */
  readonly tokens?: Readonly<Partial<Record<Modality, TokenInputs>>>;
  /** What encoders that are trained with the model have yet to read. */
  readonly encoded?: EncodedInputs;
}

/** What encoders read of the news of a step. */
export interface EncodedInputs {
  /** By modality and name, such as `text.ids`, [n, ...]; without those of news that pass in parts. */
  readonly content: Readonly<Record<string, tf.Tensor>>;
  /** 1 where a news has the modality, [n, 1] each. */
  readonly present: Readonly<Partial<Record<Modality, tf.Tensor2D>>>;
  /** 1 where there is no token, [n, T], of modalities with padding. */
  readonly hidden: Readonly<Partial<Record<Modality, tf.Tensor2D>>>;
}

/** Pre-computed vectors of the news of a step. */
export interface VectorInputs {
  /** [n, F]; zeros where there is none. */
  readonly values: tf.Tensor2D;
  /** 1 where there is one, [n, 1]. */
  readonly present: tf.Tensor2D;
}

/** Vectors of the tokens of the news of a step. */
export interface TokenInputs {
  /** [n, T, F] */
  readonly values: tf.Tensor3D;
  /** 1 where there is no token, [n, T]; without it all are tokens. */
  readonly hidden?: tf.Tensor2D;
  /** 1 where a news has the modality, [n, 1]. */
  readonly present: tf.Tensor2D;
}

/** What users clicked before. */
export interface Clicks {
  /** Vectors of the clicked news, [B, H, D], oldest first; behind the last click that of the empty news. */
  readonly vectors: tf.Tensor3D;
  /** 1 behind the last click, [B, H]. */
  readonly hidden: tf.Tensor2D;
  /** Whose clicks they are among {@link KnownUsers}, int32 [B], 0 for nobody known; for a model that knows users. */
  readonly users?: tf.Tensor1D;
}

/** What the functions of a model are computed with. */
export interface NewsStep<O extends NewsOptions = NewsOptions, P extends Parameters = Parameters> {
  /** The weights. */
  readonly p: P;
  /** The settings. */
  readonly options: O;
  /** Whether this is a step of training. */
  readonly training: boolean;
  /** Randomness of a training step; absent otherwise. */
  readonly random?: RandomSource;
}

/** Settings that every news model has. */
export interface NewsOptions {
  /** Newest clicks of a history that are read. */
  readonly history: number;
  /** Defects of published code that are switched on. */
  readonly defects: readonly string[];
  /** A file of texts instead of those of news.tsv, such as a translation. */
  readonly texts?: string;
  /** What a news is known by, in a model that has a choice. */
  readonly encoder?: string;
  /** What stands for pictures that are not there, in a model that reads pictures. */
  readonly missingPictures?: string;
}

/** What a recipe says besides that a model's settings may depend on. */
export interface NewsFacts {
  /** Modalities of which there are vectors, text before image. */
  readonly modalities: readonly string[];
  /** Those whose encoder is trained with the model. */
  readonly trained: readonly string[];
}

/** How a model scores candidates. All functions are pure in their arguments and are compiled by the caller. */
export type Scoring<O extends NewsOptions, P extends Parameters> =
  | {
      /** By the inner product of a vector of the user and that of the news. */
      readonly kind: 'product';
      /** Vectors of users from what they clicked, [B, D]. */
      users(step: NewsStep<O, P>, clicks: Clicks): tf.Tensor2D;
      /** The same following the clicks one by one: a fresh state of a user by the number among {@link KnownUsers}. */
      states?(p: P, options: O): (user: number) => UserState;
    }
  | {
      /** By history and candidate together. */
      readonly kind: 'pairs';
      /**
       * @param candidates - [B, C, D]
       * @returns [B, C]
       */
      scores(step: NewsStep<O, P>, clicks: Clicks, candidates: tf.Tensor3D): tf.Tensor2D;
    };

/** A model of news and of those who read them. */
export interface NewsModel<O extends NewsOptions = NewsOptions, P extends Parameters = Parameters> {
  /** Tells it from models of other kinds. */
  readonly kind: 'news';
  /** Its name in recipes, such as `nrms`. */
  readonly name: string;
  /** Its name for people, such as `NRMS`. */
  readonly title: string;
  /** Authors, title, venue. */
  readonly paper: string;
  /** The recipe's section `model`: checks it, explains it, fills in its defaults. */
  readonly options: z.ZodType;
  /** Settings of the recipe completed, where a preset says the rest. */
  complete(settings: object): O;
  /** The recipe's section `evaluation`. */
  readonly evaluation: z.ZodType;
  /** How it reads words; undefined for a model that reads none. */
  words?(options: O): WordReading | undefined;
  /** What it reads of a news besides. */
  views?(options: O): readonly NewsView[];
  /** Whether it has a vector for each user of the training: then {@link Clicks.users} says whose clicks are read. */
  readonly knowsUsers?: true;
  /** The modalities whose vectors it can read, pre-computed or made by encoders that are trained with it. */
  modalities(options: O): readonly Modality[];
  /** Rules between settings, and between them and the vectors that the recipe asks for. */
  check?(
    settings: object,
    facts: NewsFacts,
    problem: (key: readonly (string | number)[], message: string) => void,
  ): void;
  /**
   * What it can be trained by, by name: a recipe's section `objective`; the first is the default. Nothing for one
   * without weights.
   */
  readonly objectives: Readonly<Record<string, NewsObjective>>;
  /** Which weights are what. */
  readonly weights: {
    /** It belongs to its news: nothing is fine-tuned on others. */
    readonly tune: Readonly<Record<string, never>>;
    /** Tables by {@link newsNames}, whose rows a training that goes on elsewhere carries over. */
    readonly rows: RowRoles;
  };
  /** Names of weights that are not trained. Default none. */
  frozen?(options: O): readonly string[];
  /** First weights; each part draws from a stream of its own. */
  init(options: O, catalogue: NewsCatalogue, random: RandomStream): P;
  /** Vectors of the news of a step, [n, D]. */
  news(step: NewsStep<O, P>, inputs: NewsInputs): tf.Tensor2D;
  /** How candidates are scored. */
  readonly scoring: Scoring<O, P>;
}

/** A news model of any kind. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyNewsModel = NewsModel<any, any>;
