import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';

import { argumentError, reservedProject, reservedProjectError } from '../../kms/index.ts';
import {
  ListLocationsResponseSchema,
  LocationSchema,
  Locations,
  type Location,
} from '../../proto/google/cloud/location/locations_pb.ts';
import { LocationMetadataSchema } from '../../proto/google/cloud/kms/v1/service_pb.ts';
import { parseProjectName } from '../../rpc/index.ts';
import { method, type ApiMethod } from '../method.ts';

/** What this server says of where its keys are. */
export interface KeyLocations {
  /** Location ids that a list names; key rings may be made under any other, too. */
  readonly listed: readonly string[];
  /** Whether keys of these protection levels can be made. */
  readonly hasHsm: boolean;
  readonly hasExternal: boolean;
}

/** google.cloud.location.Locations: one machine, whatever its location is called. */
export function locationMethods(locations: KeyLocations): ApiMethod[] {
  return [
    method(Locations.method.listLocations, async ({ name }) => {
      requireProject(parseProjectName(name));
      const items = locations.listed.map((id) => locationOf(`${name}/locations/${id}`, locations));
      return create(ListLocationsResponseSchema, { locations: items });
    }),
    method(Locations.method.getLocation, async ({ name }) => {
      const [, parent, id = ''] =
        /^(projects\/[^/]+)\/locations\/([a-zA-Z0-9-]{1,63})$/.exec(name) ?? [];
      requireProject(parent === undefined || id === '' ? undefined : parseProjectName(parent));
      return locationOf(name, locations);
    }),
  ];
}

function locationOf(name: string, { hasHsm, hasExternal }: KeyLocations): Location {
  const locationId = name.slice(name.lastIndexOf('/') + 1);
  const metadata = { hsmAvailable: hasHsm, ekmAvailable: hasExternal };
  return create(LocationSchema, {
    name,
    locationId,
    labels: { 'cloud.googleapis.com/region': locationId },
    metadata: anyPack(LocationMetadataSchema, create(LocationMetadataSchema, metadata)),
  });
}

function requireProject(project: string | undefined): void {
  if (project === undefined) {
    throw argumentError('name', 'Request field name must name a project, or a location in one.');
  }
  if (project === reservedProject) throw reservedProjectError();
}
