export { colourCount } from './theme.ts';
export { escapeXml, formatNumber, formatShare, type Measurement } from './numbers.ts';
export { type Cell, type Column, type Table } from './table.ts';
export { tableToCsv, tableToLatex, tableToMarkdown, tableToText, type TextOptions } from './tableText.ts';
export {
  renderReport,
  tableToHtml,
  type Block,
  type Caption,
  type Chart,
  type Exhibit,
  type Fact,
  type Report,
  type Section,
} from './html.ts';
export {
  lineChart,
  type LineAxis,
  type LineChartOptions,
  type LineSeries,
  type Mark,
  type Point,
} from './lineChart.ts';
export { barChart, type BarChartOptions, type BarSeries } from './barChart.ts';
export { groupChart, type GroupChartOptions, type GroupLine, type GroupPoint } from './groupChart.ts';
export { histogram, histogramBins, type Bins, type HistogramOptions } from './histogram.ts';
export { makeAxis, type Axis, type AxisOptions } from './scale.ts';
export type { AxisTitle, ChartOptions } from './frame.ts';
export { printable, printableLines } from './printable.ts';
