/**
 * Who has the default cluster roles, and the roles inside single namespaces with who has them.
 *
 * Format: see `policy-text.ts`. Facts of Kubernetes v1.36's default policy.
 */

export const NAMESPACE_ROLES = `
kube-public/system:controller:bootstrap-signer
  get,list,watch core configmaps
  update core configmaps names=cluster-info
  create,patch,update core,events.k8s.io events
kube-system/extension-apiserver-authentication-reader
  get,list,watch core configmaps names=extension-apiserver-authentication
kube-system/system::leader-locking-kube-controller-manager
  create,get,list,update,watch coordination.k8s.io leases
  create,get,list,update,watch coordination.k8s.io leasecandidates
kube-system/system::leader-locking-kube-scheduler
  create,get,list,update,watch coordination.k8s.io leases
  create,get,list,update,watch coordination.k8s.io leasecandidates
kube-system/system:controller:bootstrap-signer
  get,list,watch core secrets
kube-system/system:controller:cloud-provider
  create,get,list,watch core configmaps
kube-system/system:controller:token-cleaner
  delete,get,list,watch core secrets
  create,patch,update core,events.k8s.io events
`;

export const CLUSTER_ROLE_BINDINGS = `
cluster-admin = ClusterRole cluster-admin group:system:masters
system:basic-user = ClusterRole system:basic-user group:system:authenticated
system:discovery = ClusterRole system:discovery group:system:authenticated
system:kube-controller-manager = ClusterRole system:kube-controller-manager user:system:kube-controller-manager
system:kube-dns = ClusterRole system:kube-dns account:kube-system/kube-dns
system:kube-scheduler = ClusterRole system:kube-scheduler user:system:kube-scheduler
system:monitoring = ClusterRole system:monitoring group:system:monitoring
system:node = ClusterRole system:node
system:node-proxier = ClusterRole system:node-proxier user:system:kube-proxy
system:public-info-viewer = ClusterRole system:public-info-viewer group:system:authenticated group:system:unauthenticated
system:service-account-issuer-discovery = ClusterRole system:service-account-issuer-discovery group:system:serviceaccounts
system:volume-scheduler = ClusterRole system:volume-scheduler user:system:kube-scheduler
`;

export const NAMESPACE_ROLE_BINDINGS = `
kube-public/system:controller:bootstrap-signer = Role system:controller:bootstrap-signer account:kube-system/bootstrap-signer
kube-system/system::extension-apiserver-authentication-reader = Role extension-apiserver-authentication-reader user:system:kube-controller-manager user:system:kube-scheduler
kube-system/system::leader-locking-kube-controller-manager = Role system::leader-locking-kube-controller-manager user:system:kube-controller-manager account:kube-system/kube-controller-manager account:kube-system/leader-election-controller
kube-system/system::leader-locking-kube-scheduler = Role system::leader-locking-kube-scheduler user:system:kube-scheduler account:kube-system/kube-scheduler
kube-system/system:controller:bootstrap-signer = Role system:controller:bootstrap-signer account:kube-system/bootstrap-signer
kube-system/system:controller:cloud-provider = Role system:controller:cloud-provider account:kube-system/cloud-provider
kube-system/system:controller:token-cleaner = Role system:controller:token-cleaner account:kube-system/token-cleaner
`;
