# -*- encoding: utf-8 -*-
# stub: rack 2.2.4 ruby lib

Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "2.2.4"

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :required_rubygems_version=
  s.metadata = { "bug_tracker_uri" => "https://git.example.test/rack/issues", "source_code_uri" => "https://git.example.test/rack" } if s.respond_to? :metadata=
  s.require_paths = ["lib".freeze]
  s.authors = ["Ada Example".freeze, "Bob \"B\" Example".freeze]
  s.date = "2022-06-30"
  s.homepage = "https://rack.example.test/".freeze
  s.licenses = ["MIT".freeze]
  s.summary = "A modular interface".freeze

  s.add_runtime_dependency(%q<json>.freeze, [">= 2.0"])
  s.add_development_dependency(%q<minitest>.freeze, ["~> 5.0"])
end
