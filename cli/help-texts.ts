/** What the filters of a command are. */
export const filterHelp = `
Filters (each may be given more than once, or with commas):
  --mirror NAME                       only these mirrors
  --source KIND                       only these kinds: RDSInstance, rdsinstances or rdsi
  --scope account=ID,region=NAME      only these accounts and regions; an account also by its name
`;

/** Examples of the whole command line, and what its exit codes mean. */
export const programHelp = `
Examples:
  skymirror init                              write a skymirror.yaml for the credentials and context at hand
  skymirror crds --install                    install the custom resources of the kinds in use
  skymirror doctor                            try every permission that is needed, and say what is missing
  skymirror plan                              show what would change, and write nothing
  skymirror sync --every 1m                   mirror, once a minute
  skymirror backfill --mirror production      once, to be followed, cancelled and carried on
  skymirror status                            are the mirrors alive, and whole?

Exit codes: 0 done, 1 something failed, 2 there are differences (plan) or something waits for a person (status,
removals, approve-removals, doctor, prune), 130 interrupted. docs/command-line.md says more.`;
