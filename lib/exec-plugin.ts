import * as z from 'zod';
import { eks } from './configuration-aws.ts';

const plugin = z.looseObject({
  command: z.string(),
  args: z.array(z.string()).nullish(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish(),
});

/**
 * The `eks` setting that does what a kubeconfig's plugin does, where that is one of the two for EKS (EKS User Guide, "Connect
 * kubectl to an EKS cluster by creating a kubeconfig file"); else `undefined`. Only what has the form of a setting is shown.
 */
export function eksSettingOf(exec: unknown, server: string): string | undefined {
  const { command = '', args, env } = plugin.safeParse(exec).data ?? {};
  const words = args ?? [];
  const program = command
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/\.exe$/, '');
  const isAws = program === 'aws' && words.includes('eks') && words.includes('get-token');
  const isAuthenticator = program === 'aws-iam-authenticator' && words.includes('token');
  if (!isAws && !isAuthenticator) return undefined;
  const variable = env?.find(({ name }) => /^AWS_(DEFAULT_)?REGION$/.test(name))?.value;
  // The host of an endpoint: <id>.<two or three characters>.<region>.eks.<suffix>.
  const host = /^https:\/\/[^/]+\.([a-z0-9-]+)\.eks\./.exec(server)?.[1];
  const { name, region, role } = eks.shape;
  const shown = (form: z.ZodType, value: unknown, otherwise: string) =>
    form.safeParse(value).success ? String(value) : otherwise;
  const given = option(words, '--role-arn', '--role', '-r');
  return [
    `eks: { name: ${shown(name, option(words, '--cluster-name', '--cluster-id', '-i'), '<name>')}`,
    `region: ${shown(region, option(words, '--region') ?? variable ?? host, '<region>')}`,
    ...(given === undefined ? [] : [`role: "${shown(role, given, '<ARN of the role>')}"`]),
  ]
    .join(', ')
    .concat(' }');
}

/** The value of the first of these options: `--option value` or `--option=value`. */
function option(words: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    const [name = '', ...rest] = word.split('=');
    if (names.includes(name)) return rest.length === 0 ? words[index + 1] : rest.join('=');
  }
  return undefined;
}
