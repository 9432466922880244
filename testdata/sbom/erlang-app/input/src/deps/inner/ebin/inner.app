{application,inner,[{vsn,"1.0"}]}.
