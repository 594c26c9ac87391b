/** All but the commercial partition, by how their regions begin, as in the SDK's partitions.js. */
const partitions: readonly (readonly [prefix: string, partition: string, dnsSuffix: string])[] = [
  ['cn-', 'aws-cn', 'amazonaws.com.cn'],
  ['us-gov-', 'aws-us-gov', 'amazonaws.com'],
  ['us-iso-', 'aws-iso', 'c2s.ic.gov'],
  ['us-isob-', 'aws-iso-b', 'sc2s.sgov.gov'],
  ['us-isof-', 'aws-iso-f', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'aws-iso-e', 'cloud.adc-e.uk'],
  ['eusc-', 'aws-eusc', 'amazonaws.eu'],
];

const found = (region: string) => partitions.find(([prefix]) => region.startsWith(prefix));

/** The partition of a region, which every ARN in it begins with. */
export function partitionOf(region: string): string {
  return found(region)?.[1] ?? 'aws';
}

/** What the names of AWS's hosts in a region end in. */
export function dnsSuffixOf(region: string): string {
  return found(region)?.[2] ?? 'amazonaws.com';
}
