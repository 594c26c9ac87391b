import type { Keys } from './aws-identities.ts';

/** A function as it was deployed. */
export interface LambdaFunction {
  readonly name: string;
  readonly arn: string;
  /** The unpacked zip. */
  readonly folder: string;
  /** Path below the folder without its ending, a dot, and the export: `dist/worker/index.handler`. */
  readonly handler: string;
  /** Seconds. */
  readonly timeout: number;
  /** Megabytes. */
  readonly memory: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly region: string;
}

/** What an environment has beside its function. */
export interface EnvironmentSettings {
  /** Of a session of the function's role. */
  readonly credentials: Keys;
  /** Where the emulated AWS answers. */
  readonly endpoint: string;
  /** Address of the Lambda Runtime API. */
  readonly api: string;
  /** Lambda's /tmp. */
  readonly temporary: string;
  /** Name of this environment, for its log stream. */
  readonly id: string;
}

/**
 * All that a function's process sees of the world (AWS Lambda Developer Guide, "Working with Lambda environment
 * variables"). Only the last three differ from Lambda: where the emulator stands, and nothing of this machine's user.
 */
export function environmentOf(
  { name, handler, memory, region, environment, folder }: LambdaFunction,
  { credentials, endpoint, api, temporary, id }: EnvironmentSettings,
): Record<string, string> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
  return {
    ...environment,
    _HANDLER: handler,
    LAMBDA_TASK_ROOT: folder,
    LAMBDA_RUNTIME_DIR: temporary,
    AWS_LAMBDA_RUNTIME_API: api,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memory),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${day}/[$LATEST]${id.replaceAll('-', '')}`,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    PATH: '/usr/local/bin:/usr/bin/:/bin',
    AWS_ENDPOINT_URL: endpoint,
    TMPDIR: temporary,
    HOME: temporary,
  };
}
