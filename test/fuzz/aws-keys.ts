import { canary } from './canaries.ts';

/** Gives this process keys of AWS that are recognised wherever they come out. */
export function setAwsKeys(): void {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'AKIAFUZZ',
    AWS_SECRET_ACCESS_KEY: canary,
    AWS_SESSION_TOKEN: canary,
    AWS_REGION: 'us-east-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
}
