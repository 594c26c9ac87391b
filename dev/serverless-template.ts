import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Schedule } from './scheduler.ts';

const template = z.looseObject({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
});

/** Where "serverless package" is to put its work: its usual folder is emptied by "serverless deploy". */
export const packageFolder = 'package';

/** The template that "serverless package" made. */
export type Template = z.output<typeof template>;

/** Reads the template of a service folder that was packaged. */
export async function readTemplate(service: string): Promise<Template> {
  const file = join(service, packageFolder, 'cloudformation-template-update-stack.json');
  return template.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** Puts a template in its place that moto can carry out: it knows no rules on a bus of the same template. */
export async function writeTemplate(service: string, { Resources, ...rest }: Template): Promise<void> {
  const possible = Object.entries(Resources).filter(
    ([, { Type, Properties }]) =>
      Type !== 'AWS::Events::EventBusPolicy' && (Type !== 'AWS::Events::Rule' || Properties.EventBusName === undefined),
  );
  // "serverless deploy --package" takes the template from here, and not from the file of the template.
  const file = join(service, packageFolder, 'serverless-state.json');
  const state = stateShape.parse(JSON.parse(await readFile(file, 'utf8')));
  const compiledCloudFormationTemplate = { ...rest, Resources: Object.fromEntries(possible) };
  const provider = { ...state.service.provider, compiledCloudFormationTemplate };
  await writeFile(file, JSON.stringify({ ...state, service: { ...state.service, provider } }));
}

const stateShape = z.looseObject({ service: z.looseObject({ provider: z.looseObject({}) }) });

const attribute = z
  .object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) })
  .transform((one) => one['Fn::GetAtt'][0]);

const scheduleShape = z.object({
  Name: z.string(),
  ScheduleExpression: z.string(),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  Target: z.object({
    Arn: attribute,
    RoleArn: attribute,
    Input: z.string().default('{}'),
    DeadLetterConfig: z.object({ Arn: attribute }),
  }),
});

/** A schedule with the name of the role in which it calls its function, and of the queue for what it could not. */
export interface DeployedSchedule extends Schedule {
  readonly role: string;
  readonly deadLetters: string;
}

/** The schedules that are switched on: moto makes none of them and says that it has. */
export function schedulesOf(template: Template): DeployedSchedule[] {
  return ofType(template, 'AWS::Scheduler::Schedule').flatMap(([, properties]) => {
    const { Name: name, ScheduleExpression: expression, State, Target } = scheduleShape.parse(properties);
    const functionName = nameOf(template, Target.Arn, 'FunctionName');
    const role = nameOf(template, Target.RoleArn, 'RoleName');
    const deadLetters = nameOf(template, Target.DeadLetterConfig.Arn, 'QueueName');
    return State === 'ENABLED' ? [{ name, expression, functionName, role, deadLetters, input: Target.Input }] : [];
  });
}

const code = z.object({ FunctionName: z.string(), Code: z.object({ S3Key: z.string() }) });

/** The zip of each function, by the function's name. */
export function zipsOf(service: string, template: Template): Map<string, string> {
  const functions = ofType(template, 'AWS::Lambda::Function').map(([, properties]) => code.parse(properties));
  return new Map(
    functions.map(({ FunctionName, Code }) => [FunctionName, join(service, packageFolder, basename(Code.S3Key))]),
  );
}

/** Names of the stack's roles. */
export function rolesIn(template: Template): string[] {
  return ofType(template, 'AWS::IAM::Role').map(([id]) => nameOf(template, id, 'RoleName'));
}

function ofType({ Resources }: Template, type: string): [id: string, properties: Record<string, unknown>][] {
  return Object.entries(Resources).flatMap(([id, { Type, Properties }]) => (Type === type ? [[id, Properties]] : []));
}

function nameOf({ Resources }: Template, id: string, property: string): string {
  const name = Resources[id]?.Properties[property];
  if (typeof name === 'string') return name;
  throw new Error(`the packaged template: ${id} has no ${property} that is a plain text, which dev/ counts on`);
}
