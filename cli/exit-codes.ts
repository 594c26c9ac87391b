/** The exit codes of every command; docs/command-line.md explains them. */
export const exitCodes = { done: 0, failed: 1, differs: 2, interrupted: 130 } as const;
