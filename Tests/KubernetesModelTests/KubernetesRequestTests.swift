import KubernetesModel
import Testing

@Suite("Requests as values")
struct KubernetesRequestTests {
    static let crd = ResourceType(group: "detour.dev", kind: "Session", plural: "sessions")

    @Test(
        "Every verb has its method, path and query",
        arguments: zip(
            [
                KubernetesRequest.get(.services, in: "shop", name: "leaf"),
                .list(.pods, in: "shop", labels: "app=leaf,tier!=x", limit: 500, continueToken: "a/b="),
                .list(.pods, in: nil, fields: "metadata.name=web"),
                .watch(crd, in: "shop", fields: "metadata.name=s", resourceVersion: "12", timeoutSeconds: 290),
                .create(DynamicObject(.services, name: "x"), .services, in: "shop", dryRun: true),
                .patch(crd, in: "shop", name: "s", .merge([:]), subresource: "status"),
                .patch(
                    .deployments,
                    in: "shop",
                    name: "s",
                    .apply(DynamicObject(.deployments, name: "s"), fieldManager: "detour", force: true)
                ),
                .delete(.customResourceDefinitions, in: nil, name: "sessions.detour.dev"),
                .portForward(pod: "web-0", in: "shop", port: 8080),
                .discovery(group: "detour.dev", version: "v1"),
                .discovery(group: "", version: "v1"),
                .accessReview("create", .pods, subresource: "portforward", in: "shop"),
            ],
            [
                "GET /api/v1/namespaces/shop/services/leaf",
                "GET /api/v1/namespaces/shop/pods?labelSelector=app%3Dleaf%2Ctier%21%3Dx&limit=500&continue=a%2Fb%3D",
                "GET /api/v1/pods?fieldSelector=metadata.name%3Dweb",
                "GET /apis/detour.dev/v1/namespaces/shop/sessions?fieldSelector=metadata.name%3Ds&watch=1&allowWatchBookmarks=true&resourceVersion=12&timeoutSeconds=290",
                "POST /api/v1/namespaces/shop/services?dryRun=All",
                "PATCH /apis/detour.dev/v1/namespaces/shop/sessions/s/status",
                "PATCH /apis/apps/v1/namespaces/shop/deployments/s?fieldManager=detour&force=true",
                "DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/sessions.detour.dev",
                "GET /api/v1/namespaces/shop/pods/web-0/portforward?ports=8080",
                "GET /apis/detour.dev/v1",
                "GET /api/v1",
                "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            ]
        )
    )
    func targets(request: KubernetesRequest, expected: String) {
        #expect("\(request.method.rawValue) \(request.target)" == expected)
    }

    @Test(
        "A name cannot change the shape of a request",
        arguments: zip(
            ["../secrets/x", "a?watch=1", "a b", "é", "a%2fb", "a#b"],
            ["..%2Fsecrets%2Fx", "a%3Fwatch%3D1", "a%20b", "%C3%A9", "a%252fb", "a%23b"]
        )
    )
    func encoding(name: String, escaped: String) {
        #expect(KubernetesRequest.get(.pods, in: "n", name: name).target == "/api/v1/namespaces/n/pods/\(escaped)")
    }

    @Test("Patches say by their media type what they are")
    func contentTypes() {
        let object = DynamicObject(.pods, name: "p")
        let patches: [Patch] = [.json([]), .merge([:]), .apply(object, fieldManager: "f", force: false)]
        #expect(
            patches.map(\.contentType) == [
                "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml",
            ]
        )
    }

    @Test("A delete carries its preconditions")
    func preconditions() {
        let request = KubernetesRequest.delete(
            .pods,
            in: "n",
            name: "p",
            uid: "u",
            resourceVersion: "7",
            propagation: .background
        )
        #expect(
            request.body?.compact
                == #"{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"7","uid":"u"},"propagationPolicy":"Background"}"#
        )
        #expect(KubernetesRequest.delete(.pods, in: "n", name: "p").body?["preconditions"] == nil)
    }

    @Test("Only reads and reviews may be repeated")
    func repeatable() {
        #expect(KubernetesRequest.get(.pods, in: "n", name: "p").isRepeatable)
        #expect(KubernetesRequest.accessReview("get", .pods, in: "n").isRepeatable)
        #expect(!KubernetesRequest.create(DynamicObject(.pods, name: "p"), .pods, in: "n").isRepeatable)
        #expect(!KubernetesRequest.patch(.pods, in: "n", name: "p", .json([])).isRepeatable)
        #expect(!KubernetesRequest.delete(.pods, in: "n", name: "p").isRepeatable)
    }

    @Test("An access review asks for exactly the action")
    func review() {
        let body = KubernetesRequest.accessReview("create", .pods, subresource: "portforward", name: "p", in: "shop")
            .body
        #expect(
            body?["spec"]?.compact
                == #"{"resourceAttributes":{"group":"","name":"p","namespace":"shop","resource":"pods","subresource":"portforward","verb":"create","version":"v1"}}"#
        )
    }

    @Test("Items of a list get their kind back, and null items are none")
    func list() throws {
        let json = try JSONValue(
            parsing: #"{"metadata":{"resourceVersion":"5","continue":""},"items":[{"metadata":{"name":"a"}}]}"#
        )
        let list = try #require(ObjectList(json, of: .deployments))
        #expect(list.items.map { $0["apiVersion"]?.string } == ["apps/v1"])
        #expect(list.items.map(\.kind) == ["Deployment"])
        #expect(list.resourceVersion == "5")
        #expect(list.continueToken == nil)
        #expect(ObjectList(["items": .null, "metadata": ["continue": "x"]], of: .pods)?.continueToken == "x")
        #expect(ObjectList(["kind": "Status"], of: .pods) == nil)
    }

    @Test("Versions with a vendor's plus sign are read")
    func version() throws {
        let version = try #require(ServerVersion(["major": "1", "minor": "27+", "gitVersion": "v1.27.3-eks"]))
        #expect(
            version.isAtLeast(1, 27) && version.isAtLeast(1, 9) && !version.isAtLeast(1, 28) && !version.isAtLeast(2, 0)
        )
        #expect(ServerVersion(["major": "", "minor": ""]) == nil)
    }
}
