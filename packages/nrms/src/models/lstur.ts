/**
 * LSTUR (An et al., ACL 2019): news from the words of the title by a convolution and additive attention, with vectors of
 * topic and subtopic beside them; users from a vector of their own, which lasts, and a GRU over what they clicked, which
 * does not. Either the GRU begins with the vector of the user (ini), or both stand side by side (con). The score is the
 * inner product.
 */
import { dropout, linear, tf } from '@ferry/engine';
import {
  type BiasedLinearParameters,
  createEmbedding,
  createGru,
  createLinear,
  embed,
  type EmbeddingParameters,
  gru,
  type GruParameters,
  init,
} from '@ferry/nn';
import { z } from 'zod';
import type { Clicks, LabelView, NewsModel, NewsStep } from '../contract.ts';
import { commonDefects, defectsSetting } from '../defects.ts';
import {
  createNewsEncoder,
  encodeNews,
  newsEncoderRows,
  type NewsEncoderParameters,
  type NewsEncoderSizes,
} from '../encoders/newsEncoder.ts';
import {
  checkNewsEncoder,
  convolutionSettings,
  modalitiesRead,
  newsEncoderSettings,
  wordReading,
} from '../encoders/newsEncoderOptions.ts';
import { newsEvaluation } from '../evaluation.ts';
import { softmaxObjective } from '../objectives.ts';
import { type Completed, historySetting, textsSetting, withPreset } from '../settings.ts';
import type { UserState } from '../userState.ts';
import { linearMap, recurrentStates } from '../userStates.ts';

/** What published forms of LSTUR chose. */
const presets = {
  // An et al., ACL 2019, section 4.1.
  paper: {
    tokeniser: 'segmenter',
    views: ['title', 'category', 'subcategory'],
    filters: 300,
    userMask: 0.5,
    conProjected: false,
  },
  // recommenders' LSTUR for MIND: titles alone, and the vectors of users are never hidden.
  recommenders: {
    tokeniser: 'recommenders',
    views: ['title'],
    filters: 400,
    userMask: 0,
    conProjected: true,
  },
} as const;

const settings = z.strictObject({
  preset: z
    .enum(['paper', 'recommenders'])
    .default('paper')
    .describe("whose choices the settings that are not given follow: the paper's or recommenders'"),
  ...newsEncoderSettings,
  views: newsEncoderSettings.views
    .unwrap()
    .optional()
    .describe(
      'what is read of a news where it is known by words: title, abstract, entities (at least one of them), and, beside ' +
        'their vector, category and subcategory (paper: title, category, subcategory; recommenders: title)',
    ),
  titleWords: newsEncoderSettings.titleWords
    .unwrap()
    .default(30)
    .describe(newsEncoderSettings.titleWords.description!),
  ...convolutionSettings,
  filters: z.int().min(1).optional().describe('filters of the convolution (paper 300, recommenders 400)'),
  userJoin: z
    .enum(['ini', 'con'])
    .default('ini')
    .describe(
      "how the user's own vector and what they clicked become one: the GRU begins with it (ini), or side by side (con)",
    ),
  conProjected: z
    .boolean()
    .optional()
    .describe(
      'in con, whether both are as wide as the news and projected to it (recommenders), or each is half as wide (paper)',
    ),
  userMask: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe(
      "probability that a step does not see the user's own vector, so that it learns for new users (paper 0.5, " +
        'recommenders 0)',
    ),
  texts: textsSetting,
  history: historySetting,
  defects: defectsSetting(['unmasked-padding', ...commonDefects]),
});

/** Complete settings of LSTUR. */
export type LsturOptions = Completed<z.output<typeof settings>>;

/** Weights of LSTUR. */
export type LsturParameters = NewsEncoderParameters & {
  /** Vectors of topics, [topics, W]; row 0 is none. */
  readonly topics?: EmbeddingParameters;
  /** Vectors of subtopics. */
  readonly subtopics?: EmbeddingParameters;
  /** Vectors of users, [U + 1, D], or half as wide; row 0 is nobody known. */
  readonly people: EmbeddingParameters;
  /** Reads the clicks. */
  readonly recent: GruParameters;
  /** Both parts to D, [D, 2D], in con. */
  readonly joint?: BiasedLinearParameters;
};

type Step = NewsStep<LsturOptions, LsturParameters>;

const labelViews = ['category', 'subcategory'] as const satisfies readonly LabelView[];
const isLabel = (view: string): boolean => (labelViews as readonly string[]).includes(view);

/** The labels whose vectors stand beside the text's. */
const labelsOf = ({ encoder, views }: LsturOptions): readonly LabelView[] =>
  encoder === 'words' ? labelViews.filter((view) => views.includes(view)) : [];

const sizesOf = (o: LsturOptions): NewsEncoderSizes => ({
  ...{ ...o, width: o.filters, projected: false },
  views: o.views.filter((view) => !isLabel(view)),
  // Of cross-attention between text and picture alone.
  heads: 1,
});

/** D */
const widthOf = (o: LsturOptions): number => o.filters + labelsOf(o).length * o.labelWidth;

/** Vectors of news: the text's, and those of topic and subtopic behind it. */
function news({ p, options, random }: Step, inputs: Parameters<typeof encodeNews>[2]): tf.Tensor2D {
  const text = encodeNews(p, sizesOf(options), inputs, random);
  const beside = labelsOf(options).map((view) => {
    const table = view === 'category' ? p.topics : p.subtopics;
    return embed(table!, inputs.labels![view]!, { padding: 0 }) as tf.Tensor2D;
  });
  return beside.length === 0 ? text : tf.concat([text, ...beside], 1);
}

/** Vectors of users; one whom training did not see has zeros for the part that lasts. */
function users({ p, options, random }: Step, clicks: Clicks): tf.Tensor2D {
  const { userMask, userJoin, defects } = options;
  const own = embed(p.people, clicks.users!, { padding: 0 }) as tf.Tensor2D;
  // The mask hides and does not scale: dropout of ones, divided by what it multiplies with.
  const seen = dropout(tf.ones<tf.Rank.R2>([own.shape[0], 1]), userMask, random);
  const lasting = userMask > 0 && random ? tf.mul<tf.Tensor2D>(own, tf.mul(seen, 1 - userMask)) : own;
  const { last } = gru(p.recent, clicks.vectors, {
    ...(userJoin === 'ini' && { initial: lasting }),
    ...(!defects.includes('unmasked-padding') && { hidden: clicks.hidden }),
  });
  if (userJoin === 'ini') return last;
  const both = tf.concat([last, lasting], 1);
  return p.joint ? (linear(both, p.joint.weight, p.joint.bias) as tf.Tensor2D) : both;
}

/** Vectors of users that follow the clicks: one step of the GRU each. */
function states(p: LsturParameters, { userJoin, history: most }: LsturOptions): (user: number) => UserState {
  const width = p.people.weight.shape[1]!;
  const people = p.people.weight.dataSync();
  const begin = recurrentStates(p.recent, { most });
  const joint = p.joint && linearMap(p.joint);
  return (user) => {
    const lasting = user === 0 ? new Float32Array(width) : people.slice(user * width, (user + 1) * width);
    if (userJoin === 'ini') return begin(lasting, (state) => state);
    return begin(new Float32Array(width), (state) => {
      const both = Float64Array.of(...state, ...lasting);
      return joint ? joint(both) : both;
    });
  };
}

/** LSTUR. */
export const lstur: NewsModel<LsturOptions, LsturParameters> = {
  kind: 'news',
  name: 'lstur',
  title: 'LSTUR',
  paper: 'An et al.: Neural news recommendation with long- and short-term user representations. ACL 2019',
  options: settings,
  complete: (given) => withPreset(presets, given) as LsturOptions,
  evaluation: newsEvaluation,
  modalities: modalitiesRead,
  knowsUsers: true,
  check: (given, facts, problem) => {
    const o = withPreset(presets, given) as LsturOptions;
    checkNewsEncoder(o, facts, problem);
    if (o.encoder === 'words' && o.views.every(isLabel))
      problem(['views'], `must have title, abstract or entities, got ${o.views.join(', ')}`);
    if (o.userJoin === 'con' && !o.conProjected && widthOf(o) % 2 === 1)
      problem(
        ['filters'],
        `must make the vectors of news even for con, whose halves are as wide, got ${widthOf(o)}`,
      );
  },
  words: wordReading,
  views: ({ encoder, views }) => (encoder === 'words' ? views : []),
  objectives: { softmax: softmaxObjective },
  weights: {
    tune: {},
    rows: {
      ...newsEncoderRows,
      'topics.weight': { fixed: 1, kinds: ['categories'] },
      'subtopics.weight': { fixed: 1, kinds: ['subcategories'] },
      'people.weight': { fixed: 1, kinds: ['users'] },
    },
  },
  frozen: ({ trainWords }) => (trainWords ? [] : ['words.weight']),
  init: (o, catalogue, random) => {
    const D = widthOf(o);
    const width = o.userJoin === 'con' && !o.conProjected ? D / 2 : D;
    const label = (view: LabelView): EmbeddingParameters =>
      createEmbedding(
        { count: catalogue.labels![view]!.size, width: o.labelWidth, init: init.normal(0.1), padding: 0 },
        random.split(view),
      );
    const labels = labelsOf(o);
    return {
      ...createNewsEncoder(sizesOf(o), catalogue, random),
      ...(labels.includes('category') && { topics: label('category') }),
      ...(labels.includes('subcategory') && { subtopics: label('subcategory') }),
      // Users begin as those whom training does not see, as in recommenders.
      people: createEmbedding(
        { count: catalogue.users!.count + 1, width, init: init.zeros, padding: 0 },
        random.split('people'),
      ),
      recent: createGru({ inputs: D, width }, random.split('recent')),
      ...(o.userJoin === 'con' &&
        o.conProjected && {
          joint: createLinear({ inputs: 2 * D, outputs: D, init: init.xavierUniform }, random.split('joint')),
        }),
    };
  },
  news,
  scoring: { kind: 'product', users, states },
};
