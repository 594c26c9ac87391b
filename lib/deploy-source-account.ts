import { readers } from './deploy-functions-roles.ts';
import { filledIn, logicalId, partition, type Resource, type Resources, sub, where } from './deploy-stack.ts';
import { policyOf, readerPolicy, trustOfRoles } from './iam.ts';
import type { Source } from './source.ts';

/**
 * The CloudFormation template for the other accounts, and for the other regions of the functions' own: the role that
 * reads, made once in each account, and in each region the rules that pass events on.
 */
export function sourceAccountTemplate(sources: readonly Source[]) {
  const rules = sources.flatMap((source) =>
    source.events.map((event): [string, Resource] => [
      logicalId(source.kind, event.name, 'Rule'),
      forward(source, event.name, event.pattern),
    ]),
  );
  const resources: Resources = {
    ReaderRole: readerRole(sources),
    ForwarderRole: forwarderRole(),
    ...Object.fromEntries(rules),
  };
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'What skymirror needs in an account or region that its functions are not in (docs/deploy.md).',
    Parameters: {
      HomeAccount: { Type: 'String', AllowedPattern: '\\d{12}', Description: 'The account that the functions are in.' },
      HomeRegion: { Type: 'String', AllowedPattern: '[a-z0-9-]+', Description: 'The region that they are in.' },
      Stage: { Type: 'String', AllowedPattern: '[A-Za-z0-9-]{1,20}', Description: 'The stage that they are of.' },
      RoleRegion: {
        Type: 'String',
        AllowedPattern: '[a-z0-9-]+',
        Description: 'The one region whose stack makes the role, which is for the whole account.',
      },
      ExternalId: {
        Type: 'String',
        Default: '',
        Description: 'What the configuration gives as externalId of this account; empty where it gives none.',
      },
      PermissionsBoundary: {
        Type: 'String',
        Default: '',
        Description: 'ARN of the policy of this account that bounds both roles; empty where none has to.',
      },
      ForwardEvents: {
        Type: 'String',
        Default: 'true',
        AllowedValues: ['true', 'false'],
        Description: 'Whether changes are told at once. Otherwise the next look of the schedule finds them.',
      },
    },
    Conditions: {
      // The stack of the functions has made the role of its own account.
      MakesRole: and(equals({ Ref: 'AWS::Region' }, { Ref: 'RoleRegion' }), not(isHomeAccount)),
      HasExternalId: not(equals({ Ref: 'ExternalId' }, '')),
      HasBoundary: not(equals({ Ref: 'PermissionsBoundary' }, '')),
      // And rules of the same names in its own account and region.
      Forwards: and(
        equals({ Ref: 'ForwardEvents' }, 'true'),
        not(and(isHomeAccount, equals({ Ref: 'AWS::Region' }, { Ref: 'HomeRegion' }))),
      ),
    },
    Resources: resources,
  };
}

const equals = (one: unknown, other: unknown) => ({ 'Fn::Equals': [one, other] });
const and = (...conditions: readonly unknown[]) => ({ 'Fn::And': conditions });
const not = (condition: unknown) => ({ 'Fn::Not': [condition] });

const isHomeAccount = equals({ Ref: 'AWS::AccountId' }, { Ref: 'HomeAccount' });
const boundary = { PermissionsBoundary: where('HasBoundary', { Ref: 'PermissionsBoundary' }) };

const [homeAccount, homeRegion, stage] = [filledIn('HomeAccount'), filledIn('HomeRegion'), filledIn('Stage')];
const ofStage = (name: string) => `skymirror-${stage}-${name}`;
const homeBus = sub(`arn:${partition}:events:${homeRegion}:${homeAccount}:event-bus/skymirror-${stage}`);

function readerRole(sources: readonly Source[]): Resource {
  const externalId = { StringEquals: where('HasExternalId', { 'sts:ExternalId': { Ref: 'ExternalId' } }) };
  return {
    Type: 'AWS::IAM::Role',
    Condition: 'MakesRole',
    Properties: {
      RoleName: sub(ofStage('reader')),
      AssumeRolePolicyDocument: trustOfRoles(homeAccount, readers.map(ofStage), externalId),
      Policies: [{ PolicyName: 'reader', PolicyDocument: readerPolicy(sources) }],
      ...boundary,
    },
  };
}

/** A bus of another account or region is reached by a role (EventBridge User Guide, "Sending and receiving events between AWS accounts"). */
function forwarderRole(): Resource {
  const trust = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
  };
  const sends = { Sid: 'PassesEventsOn', Effect: 'Allow' as const, Action: 'events:PutEvents', Resource: homeBus };
  return {
    Type: 'AWS::IAM::Role',
    Condition: 'Forwards',
    Properties: {
      AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [trust] },
      Policies: [{ PolicyName: 'forwarder', PolicyDocument: policyOf([sends]) }],
      ...boundary,
    },
  };
}

function forward(source: Source, name: string, pattern: object): Resource {
  return {
    Type: 'AWS::Events::Rule',
    Condition: 'Forwards',
    Properties: {
      Name: sub(ofStage(`${source.kind}-${name}`.toLowerCase())),
      Description: `What tells of a change of ${source.plural}, for skymirror.`,
      EventPattern: pattern,
      Targets: [{ Id: 'home', Arn: homeBus, RoleArn: { 'Fn::GetAtt': ['ForwarderRole', 'Arn'] } }],
    },
  };
}
