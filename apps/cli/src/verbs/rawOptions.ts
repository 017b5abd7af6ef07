import { Option, type Command } from 'commander';

/** Options about the form and columns of raw files, and of files of items. */
export function rawOptions(verb: Command): Command {
  return verb
    .option('--user <column>', 'column of the user')
    .option('--item <column>', 'column of the item')
    .option('--time <column>', 'column of the time: a number or a date')
    .option('--rating <column>', 'column of the rating')
    .addOption(
      new Option('--format <format>', 'form of the files').choices([
        'auto',
        'csv',
        'tsv',
        'jsonl',
        'parquet',
      ]),
    )
    .addOption(
      new Option(
        '--form <form>',
        'an interaction a line, lists of items, "user item item …", the same in no order, MIND’s behaviours',
      ).choices(['table', 'lists', 'sequences', 'sets', 'mind']),
    )
    .option('--separator <text>', 'what stands between columns')
    .option('--header', 'the first line names the columns')
    .option('--no-header', 'it does not')
    .option('--items <file>', 'file of items: titles, texts, pictures')
    .option('--item-key <column>', 'its column of item ids')
    .option('--title <column>', 'column of the title')
    .option(
      '--text <columns>',
      'columns that make the text, with commas between (default: title, category, description)',
    )
    .option('--image <column>', 'column of the picture: a path or an address')
    .option('--category-column <column>', 'column of the category')
    .option('--pictures <pattern>', 'pictures by item id, such as "images/{id}.jpg"')
    .addOption(
      new Option(
        '--item-duplicates <rule>',
        'different rows of one item: an error, the fullest, or the first in the file',
      ).choices(['refuse', 'complete', 'first']),
    )
    .addOption(
      new Option('--clean <how>', 'texts: HTML resolved, as UniSRec, or as they are').choices([
        'plain',
        'unisrec',
        'none',
      ]),
    );
}
