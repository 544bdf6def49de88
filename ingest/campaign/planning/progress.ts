export interface PlanProgress {
  step: 'definitions' | 'files' | 'grouping' | 'storing';
  files: number;
  bytes: number;
}

export interface PlanOptions {
  signal?: AbortSignal;
  /** Called often; must be cheap. */
  onProgress?: (progress: PlanProgress) => void;
}

/** Tells which step planning is at, and of files that were found. */
export type Tell = (step: PlanProgress['step'], file?: { bytes?: number }) => void;

export function teller(onProgress: PlanOptions['onProgress']): Tell {
  const progress: PlanProgress = { step: 'definitions', files: 0, bytes: 0 };
  return (step, file) => {
    progress.step = step;
    if (file !== undefined) {
      progress.files++;
      progress.bytes += file.bytes ?? 0;
    }
    onProgress?.(progress);
  };
}
