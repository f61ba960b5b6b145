import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import NIOCore
import Synchronization
import Testing

#if os(Linux)
    @Suite("The program itself, killed in front of a model of the API server", .serialized, .timeLimit(.minutes(5)))
    struct GuardianTests {
        /// Where the program is killed: at the creation of this, before the server has done it or after.
        struct Death: Sendable, CustomTestStringConvertible {
            var resource: String
            var isDone: Bool
            var testDescription: String { "\(self.isDone ? "after" : "before") the creation of \(self.resource)" }
        }

        /// A model cluster behind a socket, and the program that intercepts there.
        private final class Scene: Sendable {
            let model: ModelAPIServer
            let before: JSONValue?
            private let http: ModelHTTPServer
            private let folder: URL
            private let started = Mutex<RunningProcess?>(nil)
            private let found = Mutex<Int32?>(nil)

            init() async throws {
                var cluster = ModelCluster(types: ModelCluster.builtIn + [.sessions])
                let spec: JSONValue = ["selector": ["app": "leaf"], "ports": [["name": "http", "port": 80]]]
                self.before =
                    cluster.put(DynamicObject(.services, name: "leaf", namespace: "shop", ["spec": spec]))["spec"]
                self.model = ModelAPIServer(cluster)
                self.http = try await ModelHTTPServer(self.model)
                self.folder = FileManager.default.temporaryDirectory.appending(path: "guardian-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
                try self.configure(current: "model")
            }

            /// Writes the kubeconfig, with a context beside that of the model that leads nowhere.
            func configure(current: String) throws {
                let port = try self.http.address.port ?? 0
                let text = """
                    apiVersion: v1
                    kind: Config
                    current-context: \(current)
                    clusters:
                    - {name: model, cluster: {server: "http://127.0.0.1:\(port)"}}
                    - {name: nowhere, cluster: {server: "http://127.0.0.1:1"}}
                    users:
                    - {name: ada, user: {token: t}}
                    contexts:
                    - {name: model, context: {cluster: model, user: ada, namespace: shop}}
                    - {name: nowhere, context: {cluster: nowhere, user: ada, namespace: shop}}
                    """
                try Data(text.utf8).write(to: self.folder.appending(path: "config"))
            }

            /// The command's guardian, once it was looked for.
            var guardian: Int32? { self.found.withLock { $0 } }

            func remember(_ guardian: Int32) { self.found.withLock { $0 = guardian } }

            func start() throws -> RunningProcess {
                try self.started.withLock { started in
                    let process = try RunningProcess(
                        [
                            "/\(Shell.root)/.build/debug/detour", "intercept", "leaf", "-p", "80:1", "--image",
                            "none:1",
                            "--replicas", "1",
                        ],
                        environment: ["KUBECONFIG": self.folder.appending(path: "config").path()]
                    )
                    started = process
                    return process
                }
            }

            /// The program is killed, and seen to be dead, by a request that is under way.
            func strike(_ signal: Int32) {
                self.started.withLock { process in
                    guard let process else { return }
                    self.found.withLock { $0 = process.guardian }
                    process.signal(signal)
                    while signal == SIGKILL, RunningProcess.runs(process.pid) { sched_yield() }
                }
            }

            /// Ends what was started; the guardian would look again for half a minute.
            func stop() async throws {
                if let guardian { kill(guardian, SIGKILL) }
                self.started.withLock { $0?.losePower() }
                self.model.endWatches()
                try await self.http.stop()
                try FileManager.default.removeItem(at: self.folder)
            }

            /// Waits until nothing of an intercept is left, and the Service is what it was.
            func untilUntouched() async throws {
                let client = KubernetesClient(transport: self.model, namespace: "shop")
                for type in [
                    ResourceType.sessions, .deployments, .configMaps, .serviceAccounts, .roles, .roleBindings,
                    .services,
                ] {
                    let expected = type == .services ? ["leaf"] : []
                    for try await _ in client.resources(type).watch()
                    where self.model.cluster.all(type).map(\.name) == expected { break }
                }
                #expect(self.model.cluster[.services, "shop", "leaf"]?["spec"] == self.before)
            }
        }

        private func withScene(_ body: (Scene) async throws -> Void) async throws {
            let scene = try await Scene()
            do {
                try await body(scene)
                try await scene.stop()
            } catch {
                try await scene.stop()
                throw error
            }
        }

        @Test(
            "What it has made by then is gone soon, and no other context of the kubeconfig is asked",
            arguments: [
                Death(resource: "sessions", isDone: true), Death(resource: "serviceaccounts", isDone: false),
                Death(resource: "rolebindings", isDone: true), Death(resource: "deployments", isDone: false),
                Death(resource: "deployments", isDone: true),
            ]
        )
        func killed(death: Death) async throws {
            try await self.withScene { scene in
                let isOver = Mutex(false)
                scene.model.setFault { request in
                    guard request.method == .post, request.segments.last == death.resource,
                        isOver.withLock({ isOver in
                            defer { isOver = true }
                            return !isOver
                        })
                    else { return nil }
                    try? scene.configure(current: "nowhere")
                    scene.strike(SIGKILL)
                    return death.isDone ? .answerLost : .lost
                }
                let process = try scene.start()
                #expect(await process.ended() == 128 + SIGKILL, "\(process.errors)")
                let guardian = try #require(scene.guardian)
                #expect(RunningProcess.runs(guardian))
                #expect(scene.model.requests.contains { $0.method == .post && $0.segments.last == "sessions" })
                try await scene.untilUntouched()
            }
        }

        @Test("Ended by Ctrl-C, it needs its guardian no more, and that one is gone without having asked for anything")
        func left() async throws {
            try await self.withScene { scene in
                let process = try scene.start()
                try await process.says("making the interceptor")
                let guardian = try #require(process.guardian)
                process.signal(SIGINT)
                #expect(await process.ended() == 128 + SIGINT, "\(process.errors)")
                let asked = scene.model.requests.count
                while RunningProcess.runs(guardian) { await Task.yield() }
                #expect(scene.model.requests.count == asked, "the guardian asked for something")
                try await scene.untilUntouched()
            }
        }

        @Test("Left at once by a third Ctrl-C, it leaves the rest to its guardian")
        func abandoned() async throws {
            try await self.withScene { scene in
                let process = try scene.start()
                try await process.says("making the interceptor")
                scene.remember(try #require(process.guardian))
                // The first does not get any further, and asks again and again.
                scene.model.setFault { $0.method == .patch ? .lost : nil }
                process.signal(SIGINT)
                try await process.says("ending the intercept")
                process.signal(SIGINT)
                try await process.says("once more leaves that to a process in the background")
                process.signal(SIGINT)
                #expect(await process.ended() == 128 + SIGINT, "\(process.errors)")
                #expect(process.errors.contains("left to a process in the background"), "\(process.errors)")
                #expect(!scene.model.cluster.all(.sessions).isEmpty)
                scene.model.setFault { _ in nil }
                try await scene.untilUntouched()
            }
        }
    }
#endif
