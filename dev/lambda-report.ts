/** The figures of Lambda's REPORT line. */
export interface InvocationReport {
  readonly end: 'answered' | 'failed' | 'timeout' | 'out of memory' | 'exited';
  readonly milliseconds: number;
  /** Megabytes that it was given. */
  readonly memory: number;
  /** Milliseconds, of a cold start only. */
  readonly init: number | undefined;
  /** Megabytes at the peak; undefined when it died by itself, and on systems without /proc. */
  readonly peak: number | undefined;
}

/** The line that Lambda writes after each invocation. */
export function reportLine(requestId: string, { end, milliseconds, memory, init, peak }: InvocationReport): string {
  return [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${milliseconds.toFixed(2)} ms`,
    // Init is billed too, since August 2025 ("AWS Lambda standardizes billing for INIT Phase", AWS Compute Blog).
    `Billed Duration: ${Math.ceil(milliseconds + (init ?? 0))} ms`,
    `Memory Size: ${memory} MB`,
    ...(peak === undefined ? [] : [`Max Memory Used: ${Math.ceil(peak)} MB`]),
    ...(init === undefined ? [] : [`Init Duration: ${init.toFixed(2)} ms`]),
    ...(end === 'timeout' ? ['Status: timeout'] : []),
    ...(end === 'exited' || end === 'out of memory' ? [`Status: error\tError Type: ${errorTypes[end]}`] : []),
  ].join('\t');
}

const errorTypes = { exited: 'Runtime.ExitError', 'out of memory': 'Runtime.OutOfMemory' };
