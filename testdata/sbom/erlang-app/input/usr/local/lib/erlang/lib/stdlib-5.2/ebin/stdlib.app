{application, stdlib,
 [{description, "ERTS  CXC 138 10"}, {vsn, "5.2"}, {applications, [kernel]}]}.
