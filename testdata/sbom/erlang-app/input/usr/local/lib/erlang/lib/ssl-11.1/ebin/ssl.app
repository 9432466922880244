{application, ssl,
 [{description, "Erlang/OTP SSL application"}, {vsn, "11.1"}, {applications, [stdlib, kernel, crypto]}]}.
