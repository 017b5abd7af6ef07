/**
 * Which room may import which: the arrows of docs/architecture.md, and nothing else.
 * Reading a package's row: it may import itself and the packages named.
 */
const rooms = {
  'tfjs-backend-ort': [],
  engine: ['tfjs-backend-ort'],
  nn: ['engine'],
  torch: [],
  encoders: ['engine', 'nn', 'torch', 'data'],
  data: [],
  fetch: ['data'],
  preparation: ['data', 'fetch', 'recipes'],
  features: ['data', 'fetch', 'recipes'],
  interests: ['engine'],
  evaluation: ['engine', 'data'],
  training: ['engine', 'nn', 'data', 'evaluation'],
  sequential: ['engine', 'nn', 'data', 'features', 'evaluation', 'training'],
  missrec: ['sequential', 'engine', 'nn', 'torch', 'data', 'features', 'interests', 'evaluation', 'training'],
  morec: ['sequential', 'engine', 'nn', 'torch'],
  collaborative: ['engine', 'nn', 'data', 'features', 'evaluation', 'training'],
  nrms: ['engine', 'nn', 'data', 'features', 'evaluation', 'training'],
  elliot: ['data', 'recipes'],
  recipes: ['data'],
  'sample-world': ['engine', 'data'],
  report: [],
  studies: [
    ...['engine', 'nn', 'data', 'features', 'evaluation', 'training', 'sequential', 'collaborative', 'nrms'],
    ...['elliot', 'encoders', 'recipes', 'report', 'sample-world'],
  ],
};

const tfjsRooms = ['engine', 'tfjs-backend-ort'];
const onnxRooms = ['tfjs-backend-ort', 'features'];
const outside = (names) => `^packages/(?!(${names.join('|')})/)|^apps/`;

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'packages-never-import-apps',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^apps/' },
    },
    {
      name: 'unknown-package',
      comment: 'Every package has a row in the table above.',
      severity: 'error',
      from: {},
      to: { path: `^packages/(?!(${Object.keys(rooms).join('|')})/)` },
    },
    ...Object.entries(rooms).map(([name, allowed]) => ({
      name: `room-${name}`,
      comment: `packages/${name} may import only: ${allowed.join(', ') || 'no other package'}`,
      severity: 'error',
      from: { path: `^packages/${name}/src/` },
      to: { path: `^packages/(?!(${[name, ...allowed].join('|')})/)` },
    })),
    {
      name: 'no-deep-imports',
      comment: 'Packages and apps meet only at src/index.ts.',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: { path: '^packages/[^/]+/src/', pathNot: '^(packages|apps)/$2/|^packages/[^/]+/src/index\\.ts$' },
    },
    {
      name: 'one-door-to-tfjs',
      severity: 'error',
      from: { path: outside(tfjsRooms) },
      to: { path: 'node_modules/@tensorflow/' },
    },
    {
      name: 'tfjs-is-required',
      comment: 'An import of it costs every process more than half a second: `tf` comes from tfjs.js.',
      severity: 'error',
      from: { pathNot: '^packages/tfjs-backend-ort/src/tfjs\\.' },
      to: { path: 'node_modules/@tensorflow/tfjs/' },
    },
    {
      name: 'onnxruntime-rooms',
      severity: 'error',
      from: { path: outside(onnxRooms) },
      to: { path: 'node_modules/onnxruntime-' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
