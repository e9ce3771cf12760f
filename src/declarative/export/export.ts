import { Document, isScalar, visit } from 'yaml';
import { newObject, type Json, type JsonObject } from '../json.ts';
import { ProjectNumbers } from '../plan/policy-plan.ts';
import { ExportedPolicies } from './exported-policies.ts';
import { ExportedProject } from './exported-project.ts';
import type { ResourceApi } from '../resource-api.ts';

export interface Exported {
  /** YAML that `readDeclaration` reads. */
  readonly text: string;
  /** What could not be said in it, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * A document of what a server has in some projects, and of its own policy if `hasOrganization`. It
 * holds no secret: neither keys' material nor accounts' keys.
 */
export async function exportDocument(
  api: ResourceApi,
  projects: readonly string[],
  hasOrganization: boolean,
): Promise<Exported> {
  const notes: string[] = [];
  const policies = await ExportedPolicies.for(projects, new ProjectNumbers(api), api);
  const document = newObject();
  if (hasOrganization) {
    const iam = await policies.of('organizations/sealpost', '');
    if (iam !== undefined) document['organization'] = { iam };
  }
  const exported = newObject();
  for (const project of projects.toSorted()) {
    exported[project] = await new ExportedProject(project, api, policies, notes).json();
  }
  if (projects.length > 0) document['projects'] = exported;
  return { text: yamlText(document), notes };
}

/** Texts of several lines as blocks, nothing folded: it is made to be read, and compared. */
function yamlText(value: JsonObject): string {
  const document = new Document(plain(value), { version: '1.2', aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      const isBlock = isScalar(node) && typeof node.value === 'string' && /\n/.test(node.value);
      if (isBlock) node.type = 'BLOCK_LITERAL';
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** With prototypes, as the YAML library looks for them. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, plain(child)]));
}
