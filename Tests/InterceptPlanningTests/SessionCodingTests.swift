import InterceptPlanning
import KubernetesModel
import TestSupport
import Testing
import TrafficMatch

@Suite("The Session as an object")
struct SessionCodingTests {
    @Test("What is written is read back", arguments: SessionKind.allCases)
    func roundTrip(kind: SessionKind) throws {
        var session = try Sample.session()
        session.kind = kind
        session.routes[0].onRevert = .reassert
        #expect(session.object["apiVersion"] == .string(kind.type.apiVersion))
        #expect(kind.isSession(session.object))
        var object = session.object
        object.json["metadata"]?["uid"] = "session-uid"
        object.json["metadata"]?["resourceVersion"] = "12"
        #expect(try Session(object) == session)
    }

    @Test("A bounded route stays one; where nothing is said it is none, and yields")
    func bounded() throws {
        var route = try Sample.route()
        route.isBounded = true
        route.onRevert = .reassert
        let session = try Sample.session(routes: [route])
        var object = session.object
        #expect(try Session(object).routes.map(\.isBounded) == [true])
        guard var routes = object[path: "spec", "routes"]?.array else { return #expect(Bool(false)) }
        routes[0]["bounded"] = nil
        routes[0]["onRevert"] = "as never heard of"
        object.json["spec"]?["routes"] = .array(routes)
        #expect(try Session(object).routes.map(\.isBounded) == [false])
        #expect(try Session(object).routes.map(\.onRevert) == [.yield])
    }

    @Test("The restore data stand where the documented manual clean-up looks for them")
    func restoreService() throws {
        let restore = try Sample.session().object[path: "spec", "restore-service"]
        #expect(restore?[path: "service", "kind"] == "Service")
        #expect(
            restore?["ops"]?[0] == ["op": "replace", "path": "/spec/selector", "value": JSONValue(Sample.selector)]
        )
        #expect(restore?["ops"]?[1] == ["op": "replace", "path": "/spec/ports", "value": Sample.ports])
    }

    @Test("A missing field is named", arguments: ["phase", "session", "serviceUID", "restore-service"])
    func missing(field: String) throws {
        var object = try Sample.session().object
        object.json["spec"]?[field] = nil
        let error = #expect(throws: PlanningError.self) { try Session(object) }
        #expect(error?.code == .malformedSession)
        #expect(error?.message.contains(field) == true)
    }

    @Test(
        "A route whose condition cannot be read is refused, never widened",
        arguments: [
            [], [["name": "x"]], [["name": "", "value": "y"]], [["name": "x", "value": 1]],
        ] as [JSONValue]
    )
    func unreadableMatch(headers: JSONValue) throws {
        var object = try Sample.session().object
        guard var routes = object[path: "spec", "routes"]?.array else { return #expect(Bool(false)) }
        routes[0]["match"] = ["headers": headers]
        object.json["spec"]?["routes"] = .array(routes)
        #expect(throws: PlanningError.self) { try Session(object) }
    }

    @Test("Every kind of match is written and read back")
    func matches() throws {
        let match = try RequestMatch([
            .header(HeaderMatch(name: "a", value: "1")), .header(HeaderMatch(name: "a", .prefix("p"))),
            .header(HeaderMatch(name: "b", .regex(Pattern("x+")))), .header(HeaderMatch(name: "c", .present)),
            .path(PathMatch(.prefix("/api"))), .path(PathMatch(.regex(Pattern("/.*")))), .method(MethodMatch("GET")),
            .member(MemberMatch(.query, parsing: "q=")), .member(MemberMatch(.cookie, parsing: "user=ada")),
            .member(MemberMatch(.baggage, parsing: "k")), .member(MemberMatch(.tracestate, parsing: "dd=1")),
        ])
        for match in [match, .everything] {
            var route = try Sample.route()
            route.match = match
            route.samplePer10000 = 250
            let session = try Sample.session(routes: [route])
            #expect(try Session(session.object).routes == [route])
        }
    }

    @Test(
        "A match with anything in it that is not understood is refused, never widened",
        arguments: [
            ["headers": [["name": "x", "value": "y"]], "host": [["value": "z"]]], ["all": true, "method": "GET"],
            ["all": false],
            [:],
            ["headers": [["name": "x", "value": "y", "prefix": "z"]]], ["headers": [["name": "x", "glob": "*"]]],
            ["headers": [["name": "x", "regex": "(a"]]], ["path": [["present": false]]], ["method": ["GET"]],
            ["query": [["value": "x"]]], ["path": [["prefix": "no-slash"]]],
        ] as [JSONValue]
    )
    func foreignMatch(match: JSONValue) throws {
        var object = try Sample.session().object
        guard var routes = object[path: "spec", "routes"]?.array else { return #expect(Bool(false)) }
        routes[0]["match"] = match
        object.json["spec"]?["routes"] = .array(routes)
        #expect(throws: PlanningError.self) { try Session(object) }
    }

    @Test("The manifests are those recorded")
    func manifests() throws {
        let manifests = InterceptManifests(session: try Sample.session())
        let all = OwnedObject.allCases.map { object in
            manifests.manifest(object, decoyAddress: object == .decoy ? "" : "10.96.1.2").json
        }
        try expectGolden(JSONValue.array(all + [SessionDefinition.manifest.json]).pretty + "\n", "manifests.json")
    }

    @Test("A port that speaks TLS has its Secret mounted, read-only, and in the settings; nothing may read Secrets")
    func tlsSecrets() throws {
        var session = try Sample.session()
        session.settings.tlsSecrets = [9090: "metrics-tls", 80: "leaf-tls"]
        var object = session.object
        object.json["metadata"]?["uid"] = "session-uid"
        object.json["metadata"]?["resourceVersion"] = "12"
        #expect(try Session(object) == session)
        let configuration = InterceptorConfiguration(session: session, decoyAddress: "10.96.1.2")
        #expect(configuration.tlsSecrets == session.settings.tlsSecrets)
        #expect(try InterceptorConfiguration(configuration.json) == configuration)
        let manifests = InterceptManifests(session: session)
        let changed = [OwnedObject.configMap, .deployment].map {
            manifests.manifest($0, decoyAddress: "10.96.1.2").json
        }
        try expectGolden(JSONValue.array(changed).pretty + "\n", "manifests-tls.json")
        #expect(!manifests.manifest(.role).json.compact.contains("secrets"))
    }

    @Test("The interceptor's settings are read back, and a missing key is named", arguments: SessionKind.allCases)
    func configuration(kind: SessionKind) throws {
        var session = try Sample.session()
        session.kind = kind
        let configuration = InterceptorConfiguration(session: session, decoyAddress: "10.96.1.2")
        #expect(try InterceptorConfiguration(configuration.json) == configuration)
        var json = configuration.json
        json["store"] = nil
        #expect(try InterceptorConfiguration(json).kind == .resource)
        json["store"] = "secrets"
        #expect(throws: PlanningError.self) { try InterceptorConfiguration(json) }
        json = configuration.json
        json["decoyAddress"] = nil
        let error = #expect(throws: PlanningError.self) { try InterceptorConfiguration(json) }
        #expect(error?.message.contains("decoyAddress") == true)
    }
}

@Suite("Which Services can be intercepted")
struct InterceptTargetTests {
    @Test(
        "What cannot be intercepted without harm is refused, with the reason",
        arguments: [
            (["type": "ExternalName", "externalName": "db.example"], "ExternalName"),
            (["clusterIP": "None"], "headless"),
            (["selector": [:]], "no selector"),
            (["ports": [["port": 53, "protocol": "UDP"]]], "not TCP"),
            (["externalTrafficPolicy": "Local"], "externalTrafficPolicy"),
            (["internalTrafficPolicy": "Local"], "internalTrafficPolicy"),
        ] as [([String: JSONValue], String)]
    )
    func refused(spec: [String: JSONValue], word: String) {
        let error = #expect(throws: PlanningError.self) { try InterceptTarget(Sample.service(spec: spec)) }
        #expect(error?.code == .unsupportedService)
        #expect(error?.message.contains(word) == true)
        #expect(error?.message.contains("leaf") == true)
    }

    @Test("A port is found by number or name; an unknown one is refused with those there are")
    func ports() throws {
        let target = try InterceptTarget(Sample.service())
        #expect(try target.port("80").listener == 15_100)
        #expect(try target.port("metrics").port == 9090)
        let error = #expect(throws: PlanningError.self) { try target.port("81") }
        #expect(error?.code == .noSuchPort)
        #expect(error?.message.contains("80 (http), 9090 (metrics)") == true)
    }

    @Test("A hijack without its Session is told from an original")
    func wreck() throws {
        let error = #expect(throws: PlanningError.self) { try InterceptTarget(try Sample.hijacked()) }
        #expect(error?.code == .alreadyHijacked)
    }
}

@Suite("The original's Pods behind the decoy")
struct OriginalEndpointsTests {
    @Test("Ready addresses are listed by Service port, ports told apart by name")
    func addresses() {
        let object = DynamicObject(
            .endpoints,
            name: "interceptor-leaf-decoy",
            [
                "subsets": [
                    [
                        "addresses": [["ip": "10.0.0.1"], ["ip": "10.0.0.2"]],
                        "notReadyAddresses": [["ip": "10.0.0.9"]],
                        "ports": [["name": "metrics", "port": 9_100], ["name": "http", "port": 8_080]],
                    ],
                    ["addresses": [["ip": "10.0.0.3"]], "ports": [["name": "http", "port": 8_081]]],
                ]
            ]
        )
        let endpoints = OriginalEndpoints(object, ports: InterceptedPort.all(in: Sample.ports))
        #expect(
            endpoints.addresses == [
                80: [
                    .init(host: "10.0.0.1", port: 8_080), .init(host: "10.0.0.2", port: 8_080),
                    .init(host: "10.0.0.3", port: 8_081),
                ],
                9090: [.init(host: "10.0.0.1", port: 9_100), .init(host: "10.0.0.2", port: 9_100)],
            ]
        )
    }

    @Test("An unnamed port matches the unnamed one; an object without subsets has none")
    func unnamed() {
        let ports = InterceptedPort.all(in: [["port": 80]])
        let object = DynamicObject(
            .endpoints,
            name: "d",
            ["subsets": [["addresses": [["ip": "::1"]], "ports": [["port": 3_000]]]]]
        )
        #expect(OriginalEndpoints(object, ports: ports).addresses == [80: [.init(host: "::1", port: 3_000)]])
        #expect(OriginalEndpoints(DynamicObject(.endpoints, name: "d"), ports: ports).addresses.isEmpty)
    }
}
