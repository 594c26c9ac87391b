import { writerGroup } from './rbac.ts';

/** The parts of an EKS cluster that name it to AWS. */
export interface EksName {
  readonly name: string;
  readonly region: string;
}

/**
 * The command that lets a role into an EKS cluster as a member of these groups, which RBAC then gives rights. One entry for
 * each role; the cluster's authentication mode has to be API or API_AND_CONFIG_MAP (EKS User Guide, "Create access entries").
 */
export function accessEntryCommand(
  { name, region }: EksName,
  principal = '<ARN of the role>',
  groups: readonly string[] = [writerGroup],
): string {
  const shown = /[^\w+=,.@:/-]/.test(principal) ? `'${principal}'` : principal;
  return `aws eks create-access-entry --cluster-name ${name} --region ${region} --principal-arn ${shown} --kubernetes-groups ${groups.join(' ')}`;
}
