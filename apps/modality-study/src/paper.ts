import type { Block, Table } from '@ferry/report';

/**
 * What the paper found: Yuan et al., "Where to go next for recommender systems? ID- vs. modality-based recommender
 * models revisited", SIGIR 2023, HR@10 in percent; with the in-batch loss from the README of its code
 * (westlake-repl/IDvs.MoRec). Two-stage: features frozen, then the best of its adapters; end-to-end: the encoder is
 * trained.
 */
const paper = [
  { data: 'MIND', loss: 'BCE', id: 17.71, twoStage: 16.66, endToEnd: 18.23, encoder: 'BERT-base' },
  { data: 'HM', loss: 'BCE', id: 6.84, twoStage: 5.55, endToEnd: 6.97, encoder: 'Swin-T' },
  { data: 'Bili', loss: 'BCE', id: 3.03, twoStage: 2.1, endToEnd: 3.18, encoder: 'Swin-T' },
  { data: 'MIND', loss: 'in-batch', id: 22.6, twoStage: undefined, endToEnd: 23.0, encoder: 'RoBERTa' },
  { data: 'HM', loss: 'in-batch', id: 11.94, twoStage: undefined, endToEnd: 12.26, encoder: 'Swin-B' },
  { data: 'Bili', loss: 'in-batch', id: 4.91, twoStage: undefined, endToEnd: 5.73, encoder: 'Swin-B' },
] as const;

/** The paper's results with SASRec in the form of ours. */
function paperTable(): Table {
  const number = (key: string, title: string) => ({ key, title, kind: 'number' as const, decimals: 2 });
  return {
    columns: [
      { key: 'data', title: 'data set' },
      { key: 'loss', title: 'loss' },
      { key: 'encoder', title: 'encoder' },
      number('id', 'ID'),
      number('twoStage', 'two-stage'),
      number('endToEnd', 'end-to-end'),
    ],
    rows: paper.map((row) => ({ ...row, twoStage: row.twoStage ?? null })),
  };
}

/** The paper's answer, and why its numbers are not set beside ours. */
export function paperBlocks(): Block[] {
  return [
    {
      kind: 'text',
      text:
        'The paper’s data (its own samples of MIND, HM and Bili, some 500,000 users each) are none of this ' +
        'study’s, so its numbers say in which direction it found the answers, and nothing of the size: end-to-end ' +
        'trained encoders are level with IDs or better, frozen features through an adapter (as here) are worse ' +
        'than IDs on all three, and the in-batch loss gains more than the choice between ID and modality.',
    },
    {
      kind: 'table',
      table: paperTable(),
      caption:
        'Published, not ours: SASRec in Yuan et al., SIGIR 2023 (tables 2 and 5; the in-batch loss from its ' +
        'code’s README), HR@10 in percent, items of the history excluded.',
    },
  ];
}
