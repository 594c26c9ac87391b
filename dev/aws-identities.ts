import type { Identity } from './proxy-request.ts';
import { element } from './proxy-request.ts';

/** Credentials in the SDK's form. */
export type Keys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** An IAM policy document. */
export type Policy = {
  readonly Version: '2012-10-17';
  readonly Statement: readonly {
    readonly Effect: 'Allow' | 'Deny';
    readonly Action: string | readonly string[];
    readonly Resource: string | readonly string[];
  }[];
};

/** What the emulated accounts' role `skymirror-reader` and the base user may do. */
export const readerPolicy: Policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['rds:Describe*', 'rds:ListTagsForResource', 'sts:*', 'sqs:*'], Resource: '*' },
  ],
};

/** moto fails at the shorter `Principal: '*'` when it has to check it. */
export const trustOfEverybody = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } }],
};

const everything: Policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

/** The name of the base user, whose keys a process outside AWS has. */
export const baseUser = 'skymirror-dev';

/**
 * Users and roles made behind the proxy's back, without signatures: only while IAM is not enforced. moto reads the
 * account from `x-moto-account-id`, and later from each access key that it handed out.
 */
export function createIdentities(endpoint: string) {
  async function call(account: string, service: string, action: string, parameters: Record<string, string>) {
    const scope = `Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/${service}/aws4_request`;
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`,
        'x-moto-account-id': account,
      },
      body: new URLSearchParams({ Action: action, ...parameters }),
    });
    const xml = await response.text();
    if (!response.ok) throw new Error(`dev/aws-identities.ts: moto answers ${response.status} to ${action}: ${xml}`);
    return (name: string) => {
      const text = element(xml, name);
      if (text === undefined)
        throw new Error(`dev/aws-identities.ts: moto's answer to ${action} has no ${name}: ${xml}`);
      return text;
    };
  }

  /** A role with one inline policy that everybody may assume. */
  async function createRole(account: string, name: string, policy: Policy): Promise<void> {
    const trust = JSON.stringify(trustOfEverybody);
    await call(account, 'iam', 'CreateRole', { RoleName: name, AssumeRolePolicyDocument: trust });
    const PolicyDocument = JSON.stringify(policy);
    await call(account, 'iam', 'PutRolePolicy', { RoleName: name, PolicyName: 'inline', PolicyDocument });
  }

  /** Keys of a session of a role. */
  async function assumeRole(account: string, name: string): Promise<{ keys: Keys; identity: Identity }> {
    const RoleArn = `arn:aws:iam::${account}:role/${name}`;
    const read = await call(account, 'sts', 'AssumeRole', { RoleArn, RoleSessionName: 'skymirror' });
    return {
      keys: {
        accessKeyId: read('AccessKeyId'),
        secretAccessKey: read('SecretAccessKey'),
        sessionToken: read('SessionToken'),
      },
      identity: { account, arn: read('Arn') },
    };
  }

  return {
    createRole,
    assumeRole,
    /** Keys that may do everything in an account. */
    async administrator(account: string): Promise<{ keys: Keys; identity: Identity }> {
      await createRole(account, 'administrator', everything);
      return assumeRole(account, 'administrator');
    },
    /** A user with lasting keys. */
    async createUser(account: string, UserName: string, policy: Policy): Promise<{ keys: Keys; identity: Identity }> {
      const user = await call(account, 'iam', 'CreateUser', { UserName });
      const PolicyDocument = JSON.stringify(policy);
      await call(account, 'iam', 'PutUserPolicy', { UserName, PolicyName: 'inline', PolicyDocument });
      const key = await call(account, 'iam', 'CreateAccessKey', { UserName });
      const keys = { accessKeyId: key('AccessKeyId'), secretAccessKey: key('SecretAccessKey') };
      return { keys, identity: { account, arn: user('Arn') } };
    },
  };
}
