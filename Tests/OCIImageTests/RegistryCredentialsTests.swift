import Foundation
import Testing

@testable import OCIImage

@Suite("Credentials that docker login left")
struct RegistryCredentialsTests {
    private static func read(_ json: String, _ name: String = "registry.example/a") throws -> RegistryCredentials? {
        try RegistryCredentials.read(
            dockerConfiguration: Data(json.utf8),
            path: "config.json",
            reference: ImageReference(parsing: name)
        )
    }

    @Test(
        "are found under the registry's usual names",
        arguments: [
            (#"{"auths":{"registry.example":{"auth":"dTpwOnE="}}}"#, "registry.example/a", "p:q"),
            (#"{"auths":{"https://registry.example":{"username":"u","password":"p"}}}"#, "registry.example/a", "p"),
            (#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}}"#, "a", "p"),
            (#"{"auths":{"localhost:5000":{"auth":"dTpw"}},"credsStore":"x"}"#, "localhost:5000/a", "p"),
        ]
    )
    func found(json: String, name: String, password: String) throws {
        let credentials = try #require(try Self.read(json, name))
        #expect(credentials.username == "u")
        #expect(credentials.password == password)
    }

    @Test(
        "are absent where the file says nothing about the registry",
        arguments: ["{}", #"{"auths":{"other":{"auth":"dTpw"}}}"#, #"{"credsStore":"x"}"#]
    )
    func absent(json: String) throws {
        #expect(try Self.read(json) == nil)
    }

    @Test(
        "that cannot be read are an error, which never prints them",
        arguments: [
            ("{", "not valid JSON"),
            (#"{"auths":{"registry.example":{"auth":"c2VjcmV0"}}}"#, "docker login registry.example"),
            (#"{"auths":{"registry.example":{"auth":"!"}}}"#, "docker login registry.example"),
            (#"{"auths":{"registry.example":{}},"credsStore":"desktop"}"#, "\"desktop\", which is not supported"),
            (#"{"credHelpers":{"registry.example":"ecr"}}"#, "\"ecr\", which is not supported"),
        ]
    )
    func unreadable(json: String, reason: String) {
        let error = #expect(throws: ImageError.self) { try Self.read(json) }
        #expect(error?.code == .credentials)
        #expect(error?.message.contains(reason) == true)
        #expect(error?.message.contains("c2VjcmV0") == false)
    }

    @Test("are looked for in the folder the environment names, and their absence is no error")
    func folder() throws {
        let bench = try Workbench()
        try bench.write("docker/config.json", Array(#"{"auths":{"r.example":{"auth":"dTpw"}}}"#.utf8))
        let reference = try ImageReference(parsing: "r.example/a")
        for environment in [["DOCKER_CONFIG": "\(bench.path)/docker"], ["HOME": bench.path], [:]] {
            let found = try RegistryCredentials.forRegistry(of: reference, environment: environment)
            #expect((found?.username == "u") == (environment["DOCKER_CONFIG"] != nil))
        }
    }
}
