/**
 * Named points inside operations that must survive a crash. Implementations announce each point before
 * the change it names; tests kill processes and databases there. In production nobody listens.
 */
export type StepHook = (step: string, detail: Record<string, unknown>) => void | Promise<void>;

export const noSteps: StepHook = () => {};
