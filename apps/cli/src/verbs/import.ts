import { Command } from 'commander';
import { jobConsole } from '../console.ts';
import { positive } from '../options.ts';

/** `ferry import`. */
export function importVerb(): Command {
  const missrec = new Command('missrec')
    .description(
      "turn a .pth checkpoint of MISSRec's released PyTorch code into a Ferry run; nothing in the file is executed",
    )
    .argument('<file>', 'the .pth file')
    .option(
      '--on <domain>',
      'the domain it was trained on, for checkpoints with IDs: item rows are mapped to it',
    )
    .option('--heads <n>', 'attention heads, which no weight tells', positive, 4)
    .requiredOption('--out <directory>', 'run directory to make')
    .action(async (file: string, options: { on?: string; out: string; heads: number }) => {
      const { importMissRec } = await import('../actions/import.ts');
      await importMissRec(file, options, jobConsole());
    });
  const sasrec = new Command('sasrec')
    .description(
      "turn a PyTorch checkpoint of S3Rec's or RecBole's SASRec into a Ferry run; nothing in the file is executed",
    )
    .argument('<file>', 'the file, of either form of torch.save')
    .requiredOption('--on <domain>', 'the domain it was trained on')
    .option(
      '--items <file>',
      'id of the item in each row of its table, one a line, from row 1 on; default: ids are row numbers',
    )
    .option('--heads <n>', 'attention heads, which no weight tells', positive, 2)
    .requiredOption('--out <directory>', 'run directory to make')
    .action(async (file: string, options: { on: string; items?: string; out: string; heads: number }) => {
      const { importSasrecRun } = await import('../actions/importSasrec.ts');
      await importSasrecRun(file, options, jobConsole());
    });
  return new Command('import')
    .description("take over another program's checkpoint")
    .addCommand(missrec)
    .addCommand(sasrec);
}
