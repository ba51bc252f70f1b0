/** The Cluster and Auth services of a store of one member, whose access is decided by certificates: what etcd answers with authentication off. */
import { GRPC, GrpcError } from '#wire/grpc/status';
import { authNotEnabled, memberNotFound, roleNotFound, rootUserNotExist, unsupported, userNotFound } from './errors.ts';
import type { FaceContext } from './face-context.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';

type Methods = Readonly<Record<string, (request: Buffer) => Promise<Buffer>>>;

export function clusterService(face: FaceContext): Methods {
  const member = async (bytes: Buffer): Promise<never> => {
    const { ID } = decodeMessage<{ ID: number }>('MemberRequest', bytes);
    throw ID === face.memberId ? unsupported('this store is one member and stays so: use etcd for more') : memberNotFound();
  };
  return {
    async MemberList() {
      const urls = face.clientUrls();
      return encodeMessage('MemberListResponse', {
        header: face.headerNow(), members: [{ ID: face.memberId, name: face.name, peerURLs: urls, clientURLs: urls }],
      });
    },
    async MemberAdd() { throw unsupported('this store is one member and stays so: use etcd for more'); },
    MemberRemove: member,
    MemberUpdate: member,
    MemberPromote: async (bytes) => {
      const { ID } = decodeMessage<{ ID: number }>('MemberRequest', bytes);
      throw ID === face.memberId ? new GrpcError(GRPC.failedPrecondition, 'etcdserver: can only promote a learner member') : memberNotFound();
    },
  };
}

export function authService(face: FaceContext): Methods {
  const empty = async (): Promise<Buffer> => encodeMessage('HeaderResponse', { header: face.headerNow() });
  const fails = (error: () => GrpcError) => async (): Promise<never> => { throw error(); };
  const noUsers = fails(() => unsupported('users and roles are not kept: who holds a client certificate may do all'));
  return {
    AuthStatus: async () => encodeMessage('AuthStatusResponse', { header: face.headerNow(), enabled: false, authRevision: 1 }),
    Authenticate: fails(authNotEnabled), AuthEnable: fails(rootUserNotExist), AuthDisable: empty,
    UserList: empty, RoleList: empty, UserAdd: noUsers, RoleAdd: noUsers,
    UserGet: fails(userNotFound), UserDelete: fails(userNotFound), UserChangePassword: fails(userNotFound), UserGrantRole: fails(userNotFound), UserRevokeRole: fails(userNotFound),
    RoleGet: fails(roleNotFound), RoleDelete: fails(roleNotFound), RoleGrantPermission: fails(roleNotFound), RoleRevokePermission: fails(roleNotFound),
  };
}
