/**
 * declarative: a document that says what a server has, and what must be done so that it has it.
 *
 * Reads YAML with line numbers, compares it with a server over the server's REST API, and writes
 * such a document of what a server has. Knows neither a wire nor a store: requests go through a
 * port, so that the same code runs in the command line and at a server's start.
 */
export { readDeclaration, type Declaration } from './document/declaration.ts';
export { exportDocument, type Exported } from './export/export.ts';
export { DiskFiles, type FileAccess } from './file-access.ts';
export type { Json, JsonObject } from './json.ts';
export { jsonSchema } from './shapes/json-schema.ts';
export { performPlan, planFor, type Outcome, type PlanOptions } from './plan/plan.ts';
export { actionCounts, planLines, planSummary, stepJson, type PlanLine } from './plan/plan-text.ts';
export { DocumentError } from './document/problem.ts';
export type { ResourceApi, ResourceRequest } from './resource-api.ts';
export type { Step } from './plan/step.ts';
