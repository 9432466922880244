%% This is an -*- erlang -*- file.
%%
{application, kernel,
 [
  {description, "ERTS  CXC 138 10"},
  {vsn, "9.2"},
  {modules, [application, code]},
  {registered, [application_controller]},
  {applications, []},
  {env, [{logger_level, notice}, {shell_history, 'disabled'}, {net_ticktime, -1.5}]},
  {mod, {kernel, []}},
  {runtime_dependencies, ["erts-14.0", "stdlib-5.0"]}
 ]
}.
