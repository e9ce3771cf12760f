/** When a binding holds (google.type.Expr), as it was given. */
export interface BindingCondition {
  readonly expression: string;
  readonly title?: string;
  readonly description?: string;
  readonly location?: string;
}

export interface Binding {
  readonly role: string;
  readonly members: readonly string[];
  readonly condition?: BindingCondition;
}

/** A policy as it is stored. */
export interface PolicyRecord {
  readonly version: number;
  readonly bindings: readonly Binding[];
  /**
   * Which creation of the resource it is of, where names are given again: it says nothing of a
   * later resource of the same name.
   */
  readonly uid?: string;
}
