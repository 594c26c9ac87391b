import * as z from 'zod';

/** What functions are given; which of them gets which, serverless.yml says. */
const variables = {
  SKYMIRROR_STAGE: z.string().regex(/^[\w-]{1,64}$/, 'is not the name of a stage'),
  SKYMIRROR_SCHEDULE_QUEUE_URL: z.url(),
  SKYMIRROR_BACKFILL_QUEUE_URL: z.url(),
  SKYMIRROR_SCHEDULE_DEAD_LETTER_QUEUE_URL: z.url(),
  SKYMIRROR_BACKFILL_DEAD_LETTER_QUEUE_URL: z.url(),
  // API reference of IAM, CreateRole: RoleName.
  SKYMIRROR_READER_ROLE_NAME: z.string().regex(/^[\w+=,.@-]{1,64}$/, 'is not the name of a role'),
  SKYMIRROR_CLUSTER_ROLE_ARN: z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, 'is not the ARN of a role'),
  /** Set by Lambda itself. */
  AWS_LAMBDA_FUNCTION_NAME: z.string().min(1),
  /** Where the configuration is, for functions that run as sources, not as a bundle. */
  SKYMIRROR_CONFIGURATION: z.string().min(1),
};

/** Names of the environment variables of the functions. */
export type Variable = keyof typeof variables;

/** The value of a variable that is set; throws where it is not what it has to be. An empty one counts as not set. */
export function optionalVariable(name: Variable): string | undefined {
  const value = process.env[name];
  if (value === undefined || value === '') return undefined;
  const parsed = variables[name].safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`the environment variable ${name} is wrong: ${parsed.error.issues[0]?.message}. Deploy again`);
}

/** As `optionalVariable`, of one without which the function cannot work. */
export function variable(name: Variable): string {
  const value = optionalVariable(name);
  if (value !== undefined) return value;
  throw new Error(`the environment variable ${name} is not set: serverless.yml sets it. Deploy again`);
}
