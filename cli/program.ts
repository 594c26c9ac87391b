import tab from '@bomb.sh/tab/commander';
import { Command, Option } from 'commander';
import { backfillHelp, backfillOptions } from './backfill-command.ts';
import type { BackfillOptions } from './backfill-options.ts';
import type { DoctorOptions } from './doctor.ts';
import { filterHelp, programHelp } from './help-texts.ts';
import type { InitOptions } from './init.ts';
import type { CrdsOptions, ListOptions, RbacOptions } from './manifests.ts';
import { collected, duration, pair, pattern, repeated } from './option-values.ts';
import type { PlanOptions } from './plan.ts';
import type { PruneOptions } from './prune.ts';
import type { ApproveOptions, RemovalsOptions } from './removals.ts';
import type { StatusOptions } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import type { SyncAllOptions } from './sync.ts';
import { version } from './version.ts';

/** The whole command line: every command, its options and examples. Results go to `finish` as exit codes. */
export function programFor(around: Surroundings, finish: (code: number) => void): Command {
  const program = new Command('skymirror')
    .description('Mirrors what lives outside a Kubernetes cluster (databases, queues) as custom resources inside it.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => around.print(text.trimEnd()),
      writeErr: (text) => around.error(text.trimEnd()),
    })
    .addHelpText('after', programHelp);

  const command = (name: string, description: string, examples: string) =>
    program.command(name).description(description).addHelpText('after', `\nExamples:\n${examples}`);
  const withConfig = (made: Command) =>
    made.option('-c, --config <file>', 'the configuration', process.env.SKYMIRROR_CONFIG || 'skymirror.yaml');
  const withFilters = (made: Command) =>
    withConfig(made)
      .option('-m, --mirror <names>', 'only these mirrors', collected)
      .option('-s, --source <kinds>', 'only these kinds', collected)
      .option('--scope <pairs>', 'only these accounts and regions', collected);
  const withOutput = (made: Command) => made.addOption(output());
  const action =
    <Options>(carryOut: (options: Options, around: Surroundings) => Promise<number>) =>
    async (options: Options) =>
      finish(await carryOut(options, around));

  command(
    'init',
    'Write a commented skymirror.yaml for the credentials and the cluster at hand.',
    `  skymirror init                                     asks what it cannot find out
  skymirror init --yes --region eu-west-1 --region us-east-1 --source RDSInstance
  skymirror init --output - --yes                    prints it`,
  )
    .option('--output <file>', 'where to write it; - prints it', 'skymirror.yaml')
    .option('--mirror <name>', 'name of the mirror')
    .option('--namespace <name>', 'namespace of the objects')
    .option('--account <id>', 'the AWS account; left out: that of the credentials')
    .option('--role <arn>', 'role to assume in it')
    .option('--external-id <id>', 'what that role asks for')
    .option('--region <names>', 'AWS regions', collected)
    .option('--source <kinds>', 'kinds to mirror', collected)
    .option('--kubeconfig <file>', 'kubeconfig of the cluster')
    .option('--context <name>', 'its context')
    .option('-y, --yes', 'ask nothing')
    .option('-f, --force', 'write over a file that is there')
    .action(action(async (options: InitOptions, here) => (await import('./init.ts')).init(options, here)));

  withConfig(
    command(
      'crds',
      'Print the CustomResourceDefinitions of the kinds in use, or install them.',
      `  skymirror crds | kubectl apply --server-side -f -
  skymirror crds --install                           into every cluster of the configuration
  skymirror crds --all                               of every kind there is; needs no configuration`,
    ),
  )
    .option('--install', 'apply them')
    .option('--all', 'of every kind, not only those in use')
    .action(action(async (options: CrdsOptions, here) => (await import('./manifests.ts')).crds(options, here)));

  withConfig(
    command(
      'rbac',
      'Print the roles and bindings that a mirror needs in the namespaces in use.',
      `  skymirror rbac --service-account skymirror/skymirror | kubectl apply --server-side -f -
  skymirror rbac --group skymirror-writers
  skymirror rbac --cluster production --user arn:aws:sts::111122223333:assumed-role/mirror/session`,
    ),
  )
    .option('--cluster <name>', 'only for the namespaces of this cluster')
    .option('--user <name>', 'who is to write; may be given more than once', repeated)
    .option('--group <name>', 'which group is to write; may be given more than once', repeated)
    .option('--service-account <names>', 'namespace/name of the service accounts that are to write', collected)
    .option('--role <arn>', 'the role that enters an EKS cluster; left out: that of the configuration')
    .action(action(async (options: RbacOptions, here) => (await import('./manifests.ts')).rbac(options, here)));

  withOutput(
    withFilters(
      command(
        'doctor',
        'Try every permission that is needed, in AWS and in the clusters, and print what would grant what is missing.',
        `  skymirror doctor
  skymirror doctor --scope account=production
${filterHelp}
Exit code 0: all is there, 2: something is missing, 1: something could not be looked at.`,
      ),
    ),
  ).action(action(async (options: DoctorOptions, here) => (await import('./doctor.ts')).doctor(options, here)));

  withOutput(
    withFilters(
      command(
        'plan',
        'Show what a sync would change. Writes nothing: it is given no way to.',
        `  skymirror plan                                     every mirror
  skymirror plan --mirror production --source SQSQueue
  skymirror plan --name 'orders*' -o json            only what has such a name, as JSON
${filterHelp}
Exit code 0: nothing would change, 2: something would, 1: something could not be looked at.`,
      ),
    ),
  )
    .option('-n, --name <pattern>', 'only resources with this name (* and ? stand for others)', pattern)
    .action(action(async (options: PlanOptions, here) => (await import('./plan.ts')).plan(options, here)));

  withOutput(
    withFilters(
      command(
        'sync',
        'Mirror: make the clusters equal to the outside.',
        `  skymirror sync                                     one pass over everything
  skymirror sync --every 1m                          once a minute, until Ctrl-C
  skymirror sync --scope account=111122223333,region=eu-west-1
  skymirror sync --name orders                       only what has this name; never deletes
${filterHelp}`,
      ),
    ),
  )
    .option('-n, --name <pattern>', 'only resources with this name (* and ? stand for others); never deletes', pattern)
    .option('--every <time>', 'again and again, this far apart, such as 30s or 5m', duration)
    .addOption(
      new Option('--log-format <format>', 'of the line for each pass').choices(['text', 'json']).default('text'),
    )
    .action(action(async (options: SyncAllOptions, here) => (await import('./sync.ts')).syncAll(options, here)));

  backfillOptions(withOutput(withFilters(command('backfill', ...backfillHelp)))).action(
    action(async (options: BackfillOptions, here) => (await import('./backfill.ts')).backfill(options, here)),
  );

  withOutput(
    withFilters(
      command(
        'status',
        'Show the MirrorScans: are the mirrors alive, whole and applied, does a removal wait?',
        `  skymirror status
  skymirror status -o json | jq '.[] | select(.state != "ok")'
${filterHelp}
Exit code 0: all is well, 2: something is not, 1: something could not be looked at.`,
      ),
    ),
  ).action(action(async (options: StatusOptions, here) => (await import('./status.ts')).status(options, here)));

  withOutput(
    withFilters(
      command(
        'removals',
        'Show what is marked for removal: what waits for its grace, and what for a person.',
        `  skymirror removals
  skymirror removals --mirror production -o yaml
${filterHelp}
Exit code 0: nothing waits for a person, 2: something does, 1: something could not be looked at.`,
      ),
    ),
  ).action(action(async (options: RemovalsOptions, here) => (await import('./removals.ts')).removals(options, here)));

  withFilters(
    command(
      'approve-removals',
      'Release exactly the removals that are named as waiting; others that come later need their own approval.',
      `  skymirror approve-removals                         shows each set and asks
  skymirror approve-removals --mirror production --yes
  skymirror approve-removals --set 12-m8hw1p6s7wvgb --yes
${filterHelp}
Exit code 0: approved, or nothing to approve, 2: a set was not confirmed, 1: something could not be approved or looked at.`,
    ),
  )
    .option('--set <approval>', 'only this set, by the text that "skymirror removals" shows')
    .option('-y, --yes', 'do not ask')
    .action(
      action(async (options: ApproveOptions, here) => (await import('./removals.ts')).approveRemovals(options, here)),
    );

  withOutput(
    withConfig(
      command(
        'prune',
        'Show what is left of a mirror, source, account or region that the configuration no longer has; remove it on request.',
        `  skymirror prune                                    shows, changes nothing
  skymirror prune --remove                           asks, then removes what it showed
  skymirror prune --remove --mirror old-name         also of a mirror that is not configured any more
  skymirror prune --rename old-name=new-name         gives a renamed mirror its objects

Exit code 0: nothing is left behind, 2: something is, 1: something could not be looked at.`,
      ),
    ),
  )
    .option(
      '-m, --mirror <names>',
      'only what these mirrors left; with --remove also where one reported lately or is not configured',
      collected,
    )
    .option('--remove', 'remove what is shown')
    .option('--rename <names>', 'old=new: hand the objects of a renamed mirror over', pair)
    .option('-y, --yes', 'do not ask')
    .action(action(async (options: PruneOptions, here) => (await import('./prune.ts')).prune(options, here)));

  withOutput(
    command(
      'sources',
      'List the kinds that can be mirrored, and the permissions that each needs.',
      '  skymirror sources -o yaml',
    ),
  ).action(action(async (options: ListOptions, here) => (await import('./manifests.ts')).listSources(options, here)));

  withOutput(command('version', 'Print the version.', '  skymirror version -o json')).action(
    action(async (options: ListOptions, here) => (await import('./manifests.ts')).printVersion(options, here)),
  );

  tab(program, { completionCommandName: 'completion' });
  return program;
}

function output(): Option {
  return new Option('-o, --output <format>', 'of the result').choices(['table', 'json', 'yaml']).default('table');
}
