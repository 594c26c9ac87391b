/** A kustomization of these files: what `kubectl apply -k` installs. */
export function kustomization(resources: readonly string[]) {
  return { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources };
}

/** A kustomization that others name under `components`; it can be applied by itself as well. */
export function component(resources: readonly string[]) {
  return { apiVersion: 'kustomize.config.k8s.io/v1alpha1', kind: 'Component', resources };
}

/** A namespace; `restricted` holds its pods to the strictest of the pod security standards. */
export function namespaceObject(name: string, { restricted = false } = {}) {
  const standards = ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']);
  const labels = {
    'app.kubernetes.io/part-of': 'skymirror',
    ...(restricted ? Object.fromEntries(standards) : {}),
  };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** How to install less or more than everything, as the head of the main kustomization. */
export const kustomizationNotes = `kubectl apply --server-side -k deploy
To take only the kinds in use, add the components in optional/, or bind others than the group skymirror-writers, write a
kustomization of your own into the folder above, which lists deploy/crds/<kind>.yaml and so on. "namespace: <yours>" in it
puts another namespace in the place of external.
`;
