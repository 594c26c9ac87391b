/** An attribute, a reference or a text in a CloudFormation template. */
export type Value = string | { readonly [intrinsic: string]: unknown };

/** A resource of a CloudFormation template. */
export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly DependsOn?: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** Resources by their logical ids. */
export type Resources = Readonly<Record<string, Resource>>;

/** A place in a text that CloudFormation fills in, inside of `sub`. */
export function filledIn(name: string): string {
  return `\${${name}}`;
}

/** The partition of AWS that the stack is in. */
export const partition = filledIn('AWS::Partition');

/** The account that the stack is in. */
export const account = filledIn('AWS::AccountId');

/** The region that the stack is in. */
export const region = filledIn('AWS::Region');

/** The name of the stack, and the first part of all others. serverless.yml fills in the stage; a bundle serves all. */
export const stackName = `skymirror-${filledIn('sls:stage')}`;

/** What is called so in this stage. */
export function named(name: string): string {
  return `${stackName}-${name}`;
}

/** The ARN of a resource of the same template. */
export function arnOf(logicalId: string): Value {
  return { 'Fn::GetAtt': [logicalId, 'Arn'] };
}

/** A text in which CloudFormation fills in `${...}`, if there are any. */
export function sub(text: string): Value {
  return text.includes('${') ? { 'Fn::Sub': text } : text;
}

/** The value where a condition of the template holds; else the property is not there. */
export function where(condition: string, value: unknown): Value {
  return { 'Fn::If': [condition, value, { Ref: 'AWS::NoValue' }] };
}

/** A logical id, which has letters and digits alone. */
export function logicalId(...parts: readonly string[]): string {
  const words = parts.flatMap((part) => part.split(/[^A-Za-z0-9]+/));
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
